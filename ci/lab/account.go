package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// account is what the appliance says of itself, in the words of fcrctl. It is asked when the hosts are off, so that nothing
// moves any more, and compared with what the hosts are and did.
type account struct {
	ports  []portAccount
	logins []loginAccount
	flows  []flowAccount
}

// These are the fields of fcrctl's JSON that are judged; it has more.
type (
	portAccount struct {
		Name         string            `json:"name"`
		FramesIn     int               `json:"frames_in"`
		FramesOut    int               `json:"frames_out"`
		Dropped      int               `json:"dropped"`
		Drops        map[string]uint64 `json:"drops"`
		TxStalled    int               `json:"tx_stalled"`
		DeviceErrors int               `json:"device_errors"`
	}
	loginAccount struct {
		VSAN int    `json:"vsan"`
		WWPN string `json:"wwpn"`
		Port string `json:"port"`
		Role string `json:"role"`
	}
	flowAccount struct {
		VSAN      int    `json:"vsan"`
		Initiator string `json:"initiator"`
		Target    string `json:"target"`
		Verdict   string `json:"verdict"`
	}
)

// ask reads the account of a running dataplane from its segment.
func ask(ctx context.Context, bin, segment string) (*account, error) {
	a := &account{}
	for noun, into := range map[string]any{"port": &a.ports, "login": &a.logins, "flow": &a.flows} {
		out, err := command(ctx, "", filepath.Join(bin, "fcrctl"), noun, "list", "--segment", segment, "-o", "json")
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(out, into); err != nil {
			return nil, fmt.Errorf("fcrctl %s list: %w", noun, err)
		}
	}
	return a, nil
}

// judge compares the account with the scenario and its traffic.
func (a *account) judge(sc *Scenario, tr *traffic) error {
	return errors.Join(a.judgePorts(sc, tr), a.judgeLogins(sc), a.judgeFlows(sc))
}

// judgePorts: what a host sent came in at its port, what it received went out there, and nothing was dropped. A port with
// several hosts has a switch before it that floods, so there the numbers differ.
func (a *account) judgePorts(sc *Scenario, tr *traffic) error {
	var errs []error
	for _, p := range a.ports {
		if p.Dropped+p.TxStalled+p.DeviceErrors > 0 {
			errs = append(errs, fmt.Errorf("port %s: %d frames dropped %v, %d stalled, %d device errors, want none",
				p.Name, p.Dropped, p.Drops, p.TxStalled, p.DeviceErrors))
		}
		if hosts := hostsOn(sc, p.Name); len(hosts) == 1 {
			if n := tr.ofHost[hosts[0]]; p.FramesIn != n.sent || p.FramesOut != n.received {
				errs = append(errs, fmt.Errorf("port %s: %d frames in and %d out, but %s sent %d and received %d",
					p.Name, p.FramesIn, p.FramesOut, hosts[0], n.sent, n.received))
			}
		}
	}
	return errors.Join(errs...)
}

func hostsOn(sc *Scenario, port string) (names []string) {
	for i := range sc.Hosts {
		if sc.Hosts[i].Port == port {
			names = append(names, sc.Hosts[i].Name)
		}
	}
	return names
}

// judgeLogins: each host is known by its name, at its port, in its VLAN, in its role; and nobody else is.
func (a *account) judgeLogins(sc *Scenario) error {
	var want []string
	for i := range sc.Hosts {
		h := &sc.Hosts[i]
		want = append(want, fmt.Sprintf("%s %s %s vsan %d", h.WWPN(), h.Role, h.Port, sc.VLAN))
	}
	var got []string
	for _, l := range a.logins {
		got = append(got, fmt.Sprintf("%s %s %s vsan %d", l.WWPN, l.Role, l.Port, l.VSAN))
	}
	return sameList("logins", got, want)
}

// judgeFlows: exactly the expected ones.
func (a *account) judgeFlows(sc *Scenario) error {
	var want, got []string
	for _, f := range sc.Expect.Flows {
		want = append(want, fmt.Sprintf("%s -> %s %s vsan %d", sc.Host(f.Initiator).WWPN(), sc.Host(f.Target).WWPN(), f.Verdict, sc.VLAN))
	}
	for _, f := range a.flows {
		got = append(got, fmt.Sprintf("%s -> %s %s vsan %d", f.Initiator, f.Target, f.Verdict, f.VSAN))
	}
	return sameList("flows", got, want)
}

func sameList(what string, got, want []string) error {
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("the appliance's %s are\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
}
