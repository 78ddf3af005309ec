package rest

import (
	"net/http"

	"fcredirect/mgmt/auth"
)

// Permission is what somebody must be allowed to do.
type Permission = auth.Permission

// Gate finds out who asks: mgmt/auth's Service.
type Gate interface {
	// Authenticate is nil without an error where the request shows no credentials. Its errors are problems.
	Authenticate(r *http.Request) (*auth.Actor, error)
}
