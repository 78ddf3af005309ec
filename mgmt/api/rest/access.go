package rest

import (
	"log/slog"
	"net/http"
)

// access logs requests: what writes, what is refused and what fails for everybody to see, what is only read for those who
// look closely. It never logs a query or a header: there may be secrets in them.
func (a *API) access(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &answer{ResponseWriter: w, request: r}
		next.ServeHTTP(out, r)
		x := of(r.Context())
		level := slog.LevelDebug
		if x.op != nil && x.op.writes() || out.status >= http.StatusInternalServerError || out.status == http.StatusForbidden {
			level = slog.LevelInfo
		}
		if !a.options.Log.Enabled(r.Context(), level) {
			return
		}
		fields := []any{
			"request_id", x.id, "method", r.Method, "path", r.URL.EscapedPath(), "status", out.status, "bytes", out.bytes,
			"ms", float64(a.options.Now().Sub(x.begun).Microseconds()) / 1000, "address", x.from(),
		}
		if x.actor != nil {
			fields = append(fields, "who", x.actor.Name, "door", x.actor.Door)
		}
		if x.code != "" {
			fields = append(fields, "code", string(x.code))
		}
		a.options.Log.Log(r.Context(), level, "request", fields...)
	})
}
