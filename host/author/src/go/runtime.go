// Package runtime gives the router memory to put its arguments into.
package runtime

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
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

// A collection reads the time, and while the router takes memory for arguments nothing may be called. So it never begins
// by itself, but only where a call has begun.
const leastHeap = 4 << 20

var (
	started bool
	limit   uint64 = leastHeap
	objects        = []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
)

func init() {
	debug.SetGCPercent(-1)
	started = true
}

// Unpin begins a call: Go values point to its arguments.
func Unpin() {
	arguments.Unpin()
	if metrics.Read(objects); objects[0].Value.Uint64() > limit {
		runtime.GC()
		metrics.Read(objects)
		limit = max(leastHeap, 2*objects[0].Value.Uint64())
	}
}

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

// The scheduler reads a clock, too; meanwhile it stands still.
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
