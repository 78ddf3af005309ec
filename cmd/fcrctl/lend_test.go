package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"fcredirect/mgmt/api/openapi"
)

// What the daemon is not asked for is looked for in a segment, here in one that is not there.
func TestAFilterThatOnlyTheInterfaceHasAsksTheDaemon(t *testing.T) {
	a := newAppliance(t)
	d, err := openapi.Golden()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args     string
		asked    string // of the daemon
		complain string
		status   int
	}{
		{"alarm list --segment nowhere", "", "nowhere", exitFailed},
		{"alarm list --all --segment nowhere", "", "nowhere", exitFailed},
		{"event list --limit 5 --type flow --segment nowhere", "", "nowhere", exitFailed},
		{"alarm list --severity major", "GET /api/v1/alarms?limit=1000&severity=major&state=active%2Cflapping", "", 0},
		{"alarm list --severity major --state cleared --limit 3", "GET /api/v1/alarms?limit=3&severity=major&state=cleared", "", 0},
		{"alarm list --all --severity major", "", "--all does not go together with --severity", exitUsage},
		{"alarm list --severity major --segment nowhere", "", "--segment does not go together with --severity", exitUsage},
		{"flow list --initiator host-1 --vsan 0 --sort -frames", "GET /api/v1/flows?initiator=host-1&limit=1000&sort=-frames&vsan=0", "", 0},
		{"flow list --from store --sort -frames", "", "--from does not go together with --sort", exitUsage},
		{"event list --type flow,login --severity error", "GET /api/v1/events?limit=100&severity=error&type=flow%2Clogin", "", 0},
		{"event list --limit 5 --category flow", "GET /api/v1/events?category=flow&limit=5", "", 0},
		{"service list --search insp", "GET /api/v1/services?limit=1000&search=insp", "", 0},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var out, complaints bytes.Buffer
			c := &cli{out: &out, complaints: &complaints}
			root := c.bare()
			root.AddCommand(c.alarmCommand(), c.eventCommand(), c.flowCommand(), c.serviceCommand())
			c.addOperations(root, d, false)
			c.noteRunning(root)
			root.SetArgs(append(strings.Fields(tt.args), "--server", "unix:"+a.socket))
			a.asked = nil
			if err := root.ExecuteContext(t.Context()); err != nil {
				fmt.Fprintln(&complaints, err)
				if status := statusOf(err, c.running); status != tt.status {
					t.Errorf("status %d, want %d", status, tt.status)
				}
			} else if tt.status != 0 {
				t.Error("it was done")
			}
			if got := strings.Join(a.asked, "\n"); got != tt.asked {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
			if !strings.Contains(complaints.String(), tt.complain) {
				t.Errorf("complained %q, want %q", &complaints, tt.complain)
			}
		})
	}
}
