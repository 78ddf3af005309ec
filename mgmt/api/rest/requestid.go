package rest

import "context"

type idKey struct{}

// RequestID is the id of the request that is served in ctx, empty where none is.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}
