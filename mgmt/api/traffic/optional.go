package traffic

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Optional is a parameter that may be absent, where its zero value means something.
type Optional[T any] struct {
	Value T
	Set   bool
}

// Schema is that of the value.
func (o Optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// Receiver is where huma puts the value.
func (o *Optional[T]) Receiver() reflect.Value { return reflect.ValueOf(&o.Value).Elem() }

// OnParamSet hears whether there was one.
func (o *Optional[T]) OnParamSet(set bool, _ any) { o.Set = set }

// pointer is the value, nil without one.
func (o *Optional[T]) pointer() *T {
	if !o.Set {
		return nil
	}
	return &o.Value
}
