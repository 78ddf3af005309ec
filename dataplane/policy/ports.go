package policy

import (
	"errors"
	"fmt"

	"fcredirect/dataplane/yamlconf"
)

// serviceRole is the role, in the boot file, of a port that a service may be on.
const serviceRole = "service"

// CheckPorts holds the services of a document against the ports of a boot file. role tells
// a port's role in the boot file's words, and whether there is such a port
// (boot.Config.RoleOf). The error is a *yamlconf.Errors with the place of each service.
func (d *Document) CheckPorts(role func(port string) (role string, ok bool)) error {
	report := yamlconf.NewReport(d.name, d.text)
	for i := range d.Services {
		s := &d.Services[i]
		if problem, cure := checkPort(s.Name, s.Port, role); problem != "" {
			report.Errorf(s.portAt, cure, "%s", problem)
		}
	}
	return report.Err()
}

// CheckPorts does the same for a compiled policy, which has no places: the error has one
// line for each service.
func (s *Snapshot) CheckPorts(role func(port string) (role string, ok bool)) error {
	var all []error
	for i := range s.Services() {
		info := s.Service(i)
		if problem, cure := checkPort(info.Name, info.Port, role); problem != "" {
			all = append(all, fmt.Errorf("%s (%s)", problem, cure))
		}
	}
	return errors.Join(all...)
}

func checkPort(service, port string, role func(string) (string, bool)) (problem, cure string) {
	switch r, ok := role(port); {
	case !ok:
		return fmt.Sprintf("service %s is on port %s, and the boot file has no such port", service, yamlconf.Quote(port)),
			"Add a port of role service with this name to the boot file, or name another."
	case r != serviceRole:
		return fmt.Sprintf("service %s is on port %s, whose role is %s", service, port, r),
			"Name a port of role service: frames for a service must not leave towards hosts or the fabric."
	}
	return "", ""
}
