package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

var apiSchema = yamlconf.Schema{What: "api", Keys: []string{"listen", "certificate", "key", "hosts", "console"}}

func (p *parser) api(n *yamlconf.Node) {
	f, _ := p.report.Fields(n, &apiSchema)
	if n := f.Get("listen"); n != nil {
		p.c.API.Listen = p.words(n, "listen", MaxListen, "Write host:port, as :8443 or 127.0.0.1:8443.", goodListen)
	}
	p.c.API.Certificate, p.c.API.Key = p.folder(f, "certificate"), p.folder(f, "key")
	if c, k := f.Get("certificate"), f.Get("key"); (c == nil) != (k == nil) {
		p.report.Errorf(n.Span, "Name both files, or neither: then the role makes a certificate for itself.", "a certificate and its key go together")
	}
	if n := f.Get("hosts"); n != nil {
		p.c.API.Hosts = p.words(n, "hosts", MaxHosts, "Write a name as in DNS, or an address, without a port.", goodHost)
	}
	if n := f.Get("console"); n != nil {
		p.c.API.Console, _ = p.report.Bool(n, "console")
	}
}

// NoListen is how a command line says that role api has its socket alone.
const NoListen = "none"

// listenOn takes the addresses of a command line.
func (a *API) listenOn(list string) error {
	switch list {
	case "":
		return nil
	case NoListen:
		a.Listen = []string{}
		return nil
	}
	all := strings.Split(list, ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
		if !goodListen(all[i]) || len(all) > MaxListen || slices.Contains(all[:i], all[i]) {
			return fmt.Errorf("one cannot listen on %q: write up to %d different host:port, as :8443 or 127.0.0.1:8443, with commas between, or %s", list, MaxListen, NoListen)
		}
	}
	a.Listen = all
	return nil
}

// ListenText is what a command line says to listen there.
func (a *API) ListenText() string {
	if len(a.Listen) == 0 {
		return NoListen
	}
	return strings.Join(a.Listen, ",")
}

// words reads a list of texts that are good and different.
func (p *parser) words(n *yamlconf.Node, what string, most int, cure string, good func(string) bool) []string {
	items, ok := p.report.List(n, what)
	if !ok {
		return nil
	}
	if len(items) > most {
		p.report.Errorf(n.Span, "Name fewer.", "%s has %d entries, more than %d", what, len(items), most)
		return nil
	}
	words := []string{}
	for i := range items {
		s, ok := p.report.Text(&items[i], what)
		switch {
		case !ok:
		case !good(s):
			p.report.Errorf(items[i].Span, cure, "%s cannot be %s", what, yamlconf.Quote(s))
		case slices.Contains(words, s):
			p.report.Errorf(items[i].Span, "Name each once.", "%s: %s is named twice", what, yamlconf.Quote(s))
		default:
			words = append(words, s)
		}
	}
	return words
}

// goodListen says whether one can listen on it. Names are not looked up here.
func goodListen(s string) bool {
	host, port, err := net.SplitHostPort(s)
	number, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && port == strconv.FormatUint(number, 10) && (host == "" || goodHost(host))
}

// goodHost says whether it can be the host of a URL.
func goodHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if len(s) > MaxHost {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if badName(label, 63) != "" {
			return false
		}
	}
	return true
}
