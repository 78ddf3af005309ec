// Package appliance is what an FC-Redirect node brings along for the programs beside it: alert rules for Prometheus,
// dashboards for Grafana, modules for Ansible. It has no code of Go: its tests hold these files against the metrics, the
// interface and the tools that they are made for.
//
// Who may import it: nobody.
//
// Invariants: a rule or dashboard asks only for metrics and labels that mgmt/metrics declares; every rule has a test that
// makes it fire; a play that runs twice changes nothing the second time.
package appliance
