// Package types holds the values that Go has no words for: options, results and pairs.
package types

const (
	OptionNone = 0
	OptionSome = 1
	ResultOk   = 0
	ResultErr  = 1
)

// Unit is a value that says nothing.
type Unit struct{}

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Option is a value or none; its zero value is none.
type Option[T any] struct {
	value T
	some  bool
}

func None[T any]() Option[T] { return Option[T]{} }

func Some[T any](value T) Option[T] { return Option[T]{value, true} }

func (o Option[T]) IsSome() bool { return o.some }

func (o Option[T]) Tag() uint8 {
	if o.some {
		return OptionSome
	}
	return OptionNone
}

// Some panics where there is none.
func (o Option[T]) Some() T {
	if !o.some {
		panic("there is no value")
	}
	return o.value
}

// SomeOr is the value, or other where there is none.
func (o Option[T]) SomeOr(other T) T {
	if o.some {
		return o.value
	}
	return other
}

// Result is what was wanted, or an error.
type Result[T, E any] struct {
	value  T
	err    E
	failed bool
}

func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{value: value} }

func Err[T, E any](err E) Result[T, E] { return Result[T, E]{err: err, failed: true} }

func (r Result[T, E]) IsErr() bool { return r.failed }

func (r Result[T, E]) Tag() uint8 {
	if r.failed {
		return ResultErr
	}
	return ResultOk
}

// Ok panics where there is an error.
func (r Result[T, E]) Ok() T {
	if r.failed {
		panic("the result is an error")
	}
	return r.value
}

// Err panics where there is none.
func (r Result[T, E]) Err() E {
	if !r.failed {
		panic("the result is no error")
	}
	return r.err
}
