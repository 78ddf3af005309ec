package bundle

import (
	"context"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/report"
	"fcredirect/mgmt/attach"
)

// Live is the segment: an *attach.Live.
type Live interface {
	Use(do func(*attach.Segment) error) error
}

// Plane is what the segment shows of the data plane.
func Plane(live Live) []Source {
	of := func(name string, what func(*attach.Segment) (any, error)) Source {
		return asJSON("dataplane/"+name, func(context.Context) (v any, err error) {
			err = live.Use(func(s *attach.Segment) error {
				v, err = what(s)
				return err
			})
			return v, err
		})
	}
	return []Source{
		of("segment.json", func(s *attach.Segment) (any, error) { return report.SegmentOf(s.State), nil }),
		of("ports.json", func(s *attach.Segment) (any, error) { return report.Ports(s.State), nil }),
		of("lcores.json", func(s *attach.Segment) (any, error) { return report.Lcores(s.State), nil }),
		of("services.json", func(s *attach.Segment) (any, error) { return report.Services(s.State), nil }),
		of("rings.json", func(s *attach.Segment) (any, error) { return feed.Rings(s.State, s.Ctl), nil }),
		of("logins.json", func(s *attach.Segment) (any, error) {
			list, err := report.Logins(s.State)
			return list[:min(len(list), loginsMost)], err
		}),
		of("flows.json", func(s *attach.Segment) (any, error) {
			list, selected := report.SelectFlows(s.State, report.Filter{Limit: flowsMost})
			return map[string]any{"of": selected, "flows": list}, nil
		}),
	}
}
