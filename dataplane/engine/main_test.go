package engine

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
)

// EAL starts once per process.
func TestMain(m *testing.M) {
	if path := os.Getenv(childBoot); path != "" {
		if err := beChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	args := []string{"--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "512", fmt.Sprintf("--file-prefix=fcr-engine-test-%d", os.Getpid())}
	if err := dpdk.Init(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	dpdk.Cleanup()
	os.Exit(status)
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

const onePair = `
node: test
lcores: [0]
ports:
  - {name: edge0, device: "net_null0", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_null1", role: fabric}
  - {name: svc0, device: "net_null2", role: service}
segment: {hugepages: off, flows: 1024, logins: 64}
`

// Two pairs, a core each, which share a service port that belongs to the first.
const twoPairs = `
node: test
lcores: [0, 1]
ports:
  - {name: edge0, device: "net_null0", role: edge, pair: fabric0, lcore: 0}
  - {name: fabric0, device: "net_null1", role: fabric, lcore: 0}
  - {name: edge1, device: "net_null2", role: edge, pair: fabric1, lcore: 1}
  - {name: fabric1, device: "net_null3", role: fabric, lcore: 1}
  - {name: svc0, device: "net_null4", role: service, lcore: 0}
segment: {hugepages: off, flows: 2048, logins: 64}
`

func bootOf(t testing.TB, text string) *boot.Config {
	t.Helper()
	c, _, err := boot.Parse("boot.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func policyOf(t testing.TB, text string) []byte {
	t.Helper()
	if text == "" {
		return nil
	}
	doc, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	return flat
}

const services = `
services:
  - {name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01", on-failure: bypass}
  - {name: tap, mode: mirror, port: svc0}
`

// rule is a policy about what one initiator does with one target.
func rule(initiator, target, action string) string {
	return services + fmt.Sprintf("policies:\n  - {name: r, match: {initiator: %q, target: %q, vsan: any}, %s}\n", initiator, target, action)
}

// fcp builds an FCP frame as VN2VN hosts send it.
func fcp(from, to frame.FCID, rctl uint8, fctl uint32, vlan uint16, payload []byte) []byte {
	h := frame.Header{
		Dst: frame.FPMA(0x0efd00, to), Src: frame.FPMA(0x0efd00, from), Tagged: vlan != 0, VLAN: vlan, SOF: frame.SOFi3, EOF: frame.EOFt,
		RCtl: rctl, FCtl: fctl, Type: frame.TypeFCP, SID: from, DID: to,
	}
	return frame.AppendFCoE(nil, &h, payload)
}
