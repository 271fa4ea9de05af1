// Package runtime gives the router memory to put its arguments into.
package runtime

import (
	"runtime"
	"unsafe"
)

// Allocate returns memory for size bytes that stays where it is until pinner lets go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Words of eight bytes are aligned for every type of the contract.
	memory := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(memory)
	return memory
}

var arguments runtime.Pinner

// Unpin leaves the arguments of a call to the garbage collector, once Go values point to them.
func Unpin() { arguments.Unpin() }

var started bool

func init() { started = true }

// WASI wants a few pages before there is a heap.
var (
	early [4 << 16]byte
	used  uintptr
)

func allocateEarly(size, align uintptr) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(&early))
	start := (base+used+align-1)&^(align-1) - base
	used = start + size
	if used > uintptr(len(early)) {
		panic("too much memory is wanted before the start")
	}
	return unsafe.Add(unsafe.Pointer(&early), start)
}

// Collecting garbage reads a clock, which is not allowed while memory is handed out: meanwhile the clock stands still.
//
//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("memory that the router holds cannot grow")
	}
	if !started {
		return allocateEarly(size, align)
	}
	pauseClock(true)
	memory := Allocate(&arguments, size, align)
	pauseClock(false)
	return memory
}
