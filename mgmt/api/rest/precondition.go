package rest

import (
	"strings"

	"fcredirect/mgmt/problem"
)

// Precondition is embedded in the input of what replaces or deletes a thing.
type Precondition struct {
	IfMatch     string `header:"If-Match" maxLength:"512" doc:"The ETag of the state that is changed, or * for whatever is there." example:"\"17\""`
	IfNoneMatch string `header:"If-None-Match" maxLength:"512" doc:"* to create, and never to replace."`
}

// Check says whether the request means the state that is there: its version, 0 where nothing is. It is made under the same
// lock, or in the same change, as the write.
func (p Precondition) Check(current uint64) error {
	if p.IfMatch == "" && p.IfNoneMatch == "" {
		return problem.New(problem.PreconditionRequired, "").At("header/If-Match", "is missing")
	}
	if p.IfMatch != "" {
		hit, ok := match(p.IfMatch, current, false)
		if !ok {
			return problem.New(problem.BadRequest, "").At("header/If-Match", "is no list of entity tags")
		}
		if !hit {
			return problem.New(problem.PreconditionFailed, "").At("header/If-Match", "is not the ETag of what is there now")
		}
	}
	if p.IfNoneMatch != "" {
		hit, ok := match(p.IfNoneMatch, current, true)
		if !ok {
			return problem.New(problem.BadRequest, "").At("header/If-None-Match", "is no list of entity tags")
		}
		if hit {
			return problem.New(problem.PreconditionFailed, "").At("header/If-None-Match", "is what is there now")
		}
	}
	return nil
}

// match says whether a list of tags has that of a version; weak tags count where the comparison is weak (RFC 9110 8.8.3).
func match(list string, version uint64, weak bool) (hit, ok bool) {
	if strings.TrimSpace(list) == "*" {
		return version != 0, true
	}
	tags := strings.Split(list, ",")
	if len(tags) > maxTags {
		return false, false
	}
	for _, tag := range tags {
		tag = strings.TrimSpace(tag)
		opaque, isWeak := strings.CutPrefix(tag, "W/")
		if len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' || strings.Contains(opaque[1:len(opaque)-1], `"`) {
			return false, false
		}
		hit = hit || version != 0 && opaque == ETag(version) && (weak || !isWeak)
	}
	return hit, true
}
