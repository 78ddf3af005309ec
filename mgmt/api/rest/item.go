package rest

import (
	"net/http"
	"strconv"
)

// Item is the answer with one thing.
type Item[T any] struct {
	Status   int
	ETag     string `header:"ETag" doc:"The state that was answered, for If-Match."`
	Location string `header:"Location" doc:"Where the new thing is."`
	Body     T
}

// One is an Item in a version. Version 0 is for what has none.
func One[T any](body T, version uint64) *Item[T] {
	i := &Item[T]{Body: body}
	if version != 0 {
		i.ETag = ETag(version)
	}
	return i
}

// Created says that the thing is new, and where it is.
func (i *Item[T]) Created(location string) *Item[T] {
	i.Status, i.Location = http.StatusCreated, location
	return i
}

// Accepted says that a job does it, and where that is.
func (i *Item[T]) Accepted(location string) *Item[T] {
	i.Status, i.Location = http.StatusAccepted, location
	return i
}

func (i *Item[T]) settle(usual int) {
	if i.Status == 0 {
		i.Status = max(usual, http.StatusOK)
	}
}

// Nothing is the answer without a body: 204.
type Nothing struct{}

// ETag is the entity tag of a version: strong, for a version is written once.
func ETag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// DryRun is embedded in the input of what writes: everything is checked and nothing is changed.
type DryRun struct {
	DryRun bool `query:"dry_run" doc:"Check everything, answer as if it had been done, and change nothing."`
}
