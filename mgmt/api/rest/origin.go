package rest

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"fcredirect/mgmt/problem"
)

// host lets pass requests for a host that this is: an address, or a name that the certificate is for. So a page whose name
// somebody makes point here (DNS rebinding) reaches nothing.
func (a *API) host(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && !a.isUs(r.Host) {
			a.refuse(w, r, problem.New(problem.ForeignOrigin, "The appliance is not known by the name that was asked for; api: hosts: of its configuration lists further ones.").
				At("header/Host", "is not a name of this appliance"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) isUs(host string) bool {
	if a.options.Host == nil {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	return a.options.Host(host)
}

// origin refuses what another site's page makes a browser send: cookies are SameSite=Strict, so it would come without
// them, and this is the second lock. What is not sent by a browser says nothing of its origin and passes.
func (a *API) origin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.crossOrigin.Check(r); err != nil {
			a.refuse(w, r, problem.Wrap(problem.ForeignOrigin, err, ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}
