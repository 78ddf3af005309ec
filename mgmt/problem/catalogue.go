package problem

import "net/http"

// Code names a kind of problem for ever: scripts and translations hang on it.
type Code string

// The codes. They are never reused or renamed.
const (
	BadRequest           Code = "bad_request"
	BadBody              Code = "bad_body"
	BadCursor            Code = "bad_cursor"
	BadFilter            Code = "bad_filter"
	Invalid              Code = "invalid"
	Unauthenticated      Code = "unauthenticated"
	BadCredentials       Code = "bad_credentials"
	SessionExpired       Code = "session_expired"
	Forbidden            Code = "forbidden"
	ForeignOrigin        Code = "foreign_origin"
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	NotAcceptable        Code = "not_acceptable"
	Conflict             Code = "conflict"
	AlreadyExists        Code = "already_exists"
	InUse                Code = "in_use"
	Locked               Code = "locked"
	NotLocked            Code = "not_locked"
	NothingPending       Code = "nothing_pending"
	NothingToConfirm     Code = "nothing_to_confirm"
	ConfirmWindowOpen    Code = "confirm_window_open"
	LastAdmin            Code = "last_admin"
	Gone                 Code = "gone"
	PreconditionFailed   Code = "precondition_failed"
	PreconditionRequired Code = "precondition_required"
	TooLarge             Code = "too_large"
	UnsupportedMedia     Code = "unsupported_media_type"
	KeyReused            Code = "idempotency_key_reused"
	TooManyRequests      Code = "too_many_requests"
	LockedOut            Code = "locked_out"
	LimitReached         Code = "limit_reached"
	Internal             Code = "internal"
	NotInstalled         Code = "not_installed"
	DatabaseUnavailable  Code = "database_unavailable"
	DataplaneUnavailable Code = "dataplane_unavailable"
	DataplaneRefused     Code = "dataplane_refused"
	RoleUnavailable      Code = "role_unavailable"
	AuditUnavailable     Code = "audit_unavailable"
	Busy                 Code = "busy"
	Timeout              Code = "timeout"
)

// Entry declares a code.
type Entry struct {
	Code   Code
	Status int
	Title  string // the same for every problem of the code
	Advice string // what to do about it
}

// Catalogue is all there are.
var Catalogue = []Entry{
	{BadRequest, http.StatusBadRequest, "The request cannot be understood", "Compare it with the API's description."},
	{BadBody, http.StatusBadRequest, "The body cannot be read", "Send one JSON document, not deeper and not longer than the API's description says."},
	{BadCursor, http.StatusBadRequest, "The cursor is not one of this list", "Begin again without a cursor; a cursor belongs to the filter and the order that it came from."},
	{BadFilter, http.StatusBadRequest, "The filter cannot be understood", "Compare it with the API's description."},
	{Invalid, http.StatusUnprocessableEntity, "The request asks for something that cannot be", "Mend the named parts and send it again."},
	{Unauthenticated, http.StatusUnauthorized, "Nobody is signed in", "Sign in, or send a token."},
	{BadCredentials, http.StatusUnauthorized, "Name or password are wrong", "Try again; after several failures the account waits."},
	{SessionExpired, http.StatusUnauthorized, "The session has ended", "Sign in again."},
	{Forbidden, http.StatusForbidden, "The role does not allow this", "Ask an administrator."},
	{ForeignOrigin, http.StatusForbidden, "The request comes from another site", "Use the appliance's own address."},
	{NotFound, http.StatusNotFound, "There is no such thing", "Look at the list."},
	{MethodNotAllowed, http.StatusMethodNotAllowed, "This cannot be done with it", "Compare the method with the API's description."},
	{NotAcceptable, http.StatusNotAcceptable, "No answer of that media type can be given", "Accept application/json."},
	{Conflict, http.StatusConflict, "It has changed meanwhile, or contradicts something else", "Look at it again and decide."},
	{AlreadyExists, http.StatusConflict, "There is one of that name already", "Choose another name, or replace it with PUT."},
	{InUse, http.StatusConflict, "Something else uses it", "Change what uses it first."},
	{Locked, http.StatusConflict, "Somebody else is editing", "Wait, talk to the owner of the lock, or take it over."},
	{NotLocked, http.StatusConflict, "The configuration is not locked by you", "Take the lock first."},
	{NothingPending, http.StatusConflict, "Nothing is pending", "Edit something first."},
	{NothingToConfirm, http.StatusConflict, "Nothing waits to be confirmed", "Look at the state of the change; it may have been reverted at its deadline."},
	{ConfirmWindowOpen, http.StatusConflict, "A change waits to be confirmed", "Confirm or revert it first."},
	{LastAdmin, http.StatusConflict, "It is the last account that can administer", "Make another administrator first."},
	{Gone, http.StatusGone, "It was there and is no more", "Look at the list."},
	{PreconditionFailed, http.StatusPreconditionFailed, "It has changed since it was read", "Read it again and repeat the change on what it is now."},
	{PreconditionRequired, http.StatusPreconditionRequired, "The request must say which state it changes", "Send If-Match with the ETag of the last answer, or If-None-Match: * to create."},
	{TooLarge, http.StatusRequestEntityTooLarge, "The request is too large", "The API's description has the limits."},
	{UnsupportedMedia, http.StatusUnsupportedMediaType, "The body has a media type that is not understood", "Send application/json."},
	{KeyReused, http.StatusUnprocessableEntity, "The idempotency key belongs to another request", "Use a new key for a new request."},
	{TooManyRequests, http.StatusTooManyRequests, "Too many requests", "Wait as long as Retry-After says."},
	{LockedOut, http.StatusTooManyRequests, "Too many failed attempts to sign in", "Wait as long as Retry-After says."},
	{LimitReached, http.StatusUnprocessableEntity, "There are as many as there may be", "Remove one first."},
	{Internal, http.StatusInternalServerError, "Something went wrong inside", "Look into the log for the request's id, and report it."},
	{NotInstalled, http.StatusConflict, "The first administrator has no password yet", "Set it: the appliance says how."},
	{DatabaseUnavailable, http.StatusServiceUnavailable, "The database does not answer", "Sign-in, confirm and revert work; other changes wait until it is back."},
	{DataplaneUnavailable, http.StatusServiceUnavailable, "The data plane does not answer", "Look at its state: fcrctl doctor."},
	{DataplaneRefused, http.StatusUnprocessableEntity, "The data plane refuses it", "The detail says why."},
	{RoleUnavailable, http.StatusServiceUnavailable, "The role that would answer does not run", "Look at the roles: fcrctl role list."},
	{AuditUnavailable, http.StatusServiceUnavailable, "It cannot be written down who did it", "Look at the event log's alarms; nothing was changed."},
	{Busy, http.StatusServiceUnavailable, "Too much is under way", "Try again in a moment."},
	{Timeout, http.StatusGatewayTimeout, "It took too long", "Try again; look whether it has happened before you repeat a change."},
}

var entries = func() map[Code]*Entry {
	byCode := map[Code]*Entry{}
	for i := range Catalogue {
		byCode[Catalogue[i].Code] = &Catalogue[i]
	}
	return byCode
}()

// Lookup is the entry of a code. What is in no catalogue is an internal problem.
func Lookup(c Code) *Entry {
	if e := entries[c]; e != nil {
		return e
	}
	return entries[Internal]
}
