package web

import (
	"iter"
	"path"
	"strconv"
	"strings"
)

// codings are those that the build makes, the smallest first. The plain one has no name.
var codings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}, {"", ""}}

// codingOf is the file that a name is a form of.
func codingOf(name string) (plain, coding string) {
	for _, c := range codings {
		if c.suffix != "" && path.Ext(name) == c.suffix {
			return strings.TrimSuffix(name, c.suffix), c.name
		}
	}
	return name, ""
}

// choose is the form that Accept-Encoding likes best (RFC 9110 12.5.3), of equals the smallest. Who does not say that he can
// read a coding gets the file as it is, and so does who wants none of the forms: that is better than nothing.
func choose(forms []form, accept []string) *form {
	best, most := &forms[len(forms)-1], 0.0
	wish := map[string]float64{}
	for name, q := range weighted(accept) {
		name = strings.ToLower(name)
		if name == "x-gzip" {
			name = "gzip"
		}
		if _, said := wish[name]; !said && len(wish) < maxWishes {
			wish[name] = q
		}
	}
	for i := range forms {
		f := &forms[i]
		name := f.coding
		if name == "" {
			name = "identity"
		}
		q, said := wish[name]
		if !said {
			q = wish["*"]
		}
		if q > most {
			best, most = f, q
		}
	}
	return best
}

// weighted gives the members of a list header with their weights (RFC 9110 12.4.2): 1 where none is said, 0 for one that
// cannot be read.
func weighted(lines []string) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, line := range lines {
			for member := range strings.SplitSeq(line, ",") {
				name, parameters, _ := strings.Cut(member, ";")
				if name = strings.TrimSpace(name); name == "" {
					continue
				}
				if !yield(name, weightOf(parameters)) {
					return
				}
			}
		}
	}
}

func weightOf(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
