package webhook

import (
	"crypto/x509"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Hook is a receiver, as admins set it.
type Hook struct {
	URL        string     `json:"url" maxLength:"2048" doc:"Where events are posted to: https, without user and password." example:"https://ops.example.net/fcr"`
	Enabled    bool       `json:"enabled" doc:"Events are sent to it. What happens while it is not is not sent later."`
	Filter     HookFilter `json:"filter,omitzero"`
	CA         string     `json:"ca,omitempty" maxLength:"65536" doc:"Certificates (PEM) that its certificate may be signed by, instead of those of the system."`
	AllowHTTP  bool       `json:"allow_http,omitempty" doc:"The URL may be http: whoever is on the way can read the events."`
	AllowLocal bool       `json:"allow_local,omitempty" doc:"The address may be of this node, loopback or link-local."`
	Note       string     `json:"note,omitempty" maxLength:"1024"`
}

// HookFilter says which events a hook wants: those of which everything holds that is given. Without categories and types it
// wants alarms.
type HookFilter struct {
	Severity   string   `json:"severity,omitempty" enum:"info,notice,warning,error,critical" doc:"This one or a worse one. A major alarm counts as error."`
	Categories []string `json:"categories,omitempty" maxItems:"64" doc:"Of these categories."`
	Types      []string `json:"types,omitempty" maxItems:"64" doc:"Of these types, or beginning so: alarm.raised, role"`
	Alarms     []string `json:"alarms,omitempty" maxItems:"64" doc:"Of alarms, only those of these codes."`
}

// nameForm is the form of a hook's name: it stands in paths and in subjects of alarms.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Check says what is wrong with a hook.
func (h *Hook) Check(name string) error {
	p := problem.New(problem.Invalid, "")
	if !nameForm.MatchString(name) {
		p.At("path/name", "must be 1 to 63 lower-case letters, digits, dots, dashes or underscores, the first a letter or a digit")
	}
	h.checkURL(p)
	if len(h.Note) > noteMax {
		p.At("body/note", "has at most %d bytes", noteMax)
	}
	if h.CA != "" && (len(h.CA) > caMax || !x509.NewCertPool().AppendCertsFromPEM([]byte(h.CA))) {
		p.At("body/ca", "has no certificate in PEM")
	}
	h.Filter.check(p)
	if len(p.Fields) > 0 {
		return p
	}
	return nil
}

func (h *Hook) checkURL(p *problem.Problem) {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || len(h.URL) > urlMax || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		p.At("body/url", "must be an absolute URL of at most %d bytes", urlMax)
	case u.Scheme != "https" && u.Scheme != "http":
		p.At("body/url", "must be https")
	case u.Scheme == "http" && !h.AllowHTTP:
		p.At("body/url", "must be https, unless allow_http is set")
	case u.User != nil:
		p.At("body/url", "must not hold a user or a password: receivers check the signature")
	case u.Fragment != "":
		p.At("body/url", "must not have a fragment")
	default:
		// A name is looked at each time it is called; an address that is never allowed is refused at once.
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !h.AllowLocal && forbidden(a) != nil {
			p.At("body/url", "must not lead to this node, loopback or link-local, unless allow_local is set")
		}
	}
}

func (f *HookFilter) check(p *problem.Problem) {
	if f.Severity != "" && severityOf(f.Severity) < 0 {
		p.At("body/filter/severity", "must be info, notice, warning, error or critical")
	}
	for place, c := range map[string]struct {
		list  []string
		known func(string) bool
	}{
		"categories": {f.Categories, func(s string) bool { return slices.Contains(categories, s) }},
		"types":      {f.Types, func(s string) bool { return len(event.Named(s)) > 0 && !strings.HasPrefix(s+".", ownTypes) }},
		"alarms":     {f.Alarms, func(s string) bool { return alarm.Lookup(alarm.Code(s)) != nil }},
	} {
		if len(c.list) > filterMax {
			p.At("body/filter/"+place, "has at most %d", filterMax)
		}
		for i, s := range c.list {
			if !c.known(s) {
				p.At("body/filter/"+place+"/"+itoa(i), "is not in the catalogue")
			}
		}
	}
}

var severities = []string{"info", "notice", "warning", "error", "critical"}

func severityOf(s string) int { return slices.Index(severities, s) }

// categories are those of the events that there are.
var categories = func() (all []string) {
	for _, e := range event.Catalogue() {
		if name := e.Category.String(); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}()

// ownTypes are the events of hooks.
const ownTypes = "webhook."

// facts is what filters ask of an event.
type facts struct {
	name, category string
	severity       int
	Code           string `json:"code"`
	Level          string `json:"level"`
	Muted          bool   `json:"muted"`
}

func factsOf(e *event.Event) facts {
	f := facts{}
	switch e.Type {
	case event.AlarmRaised, event.AlarmCleared, event.AlarmHeard, event.AlarmAcknowledged, event.AlarmMuted, event.AlarmUnmuted:
		_ = json.Unmarshal(e.Fields, &f) // the log holds objects; what is missing is not known
	}
	f.name, f.category, f.severity = e.Type.String(), e.Category().String(), severityOf(e.Severity().String())
	if level := map[string]string{"warning": "warning", "major": "error", "critical": "critical"}[f.Level]; level != "" {
		f.severity = severityOf(level)
	}
	return f
}

// wants says whether a hook is to be told of an event. What happens to hooks no hook is told: two that fail would tell each
// other for ever. That one fails is an alarm too, and others are told of that.
func (f *HookFilter) wants(e *facts) bool {
	switch {
	case e.Muted || strings.HasPrefix(e.name, ownTypes):
		return false
	case f.Severity != "" && e.severity < severityOf(f.Severity):
		return false
	case e.Code != "" && len(f.Alarms) > 0 && !slices.Contains(f.Alarms, e.Code):
		return false
	case len(f.Categories) == 0 && len(f.Types) == 0:
		return e.category == event.Alarms.String()
	}
	named := func(s string) bool { return e.name == s || strings.HasPrefix(e.name, s+".") }
	return (len(f.Categories) == 0 || slices.Contains(f.Categories, e.category)) && (len(f.Types) == 0 || slices.ContainsFunc(f.Types, named))
}
