package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"fcredirect/dataplane/report"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/registry"
	"fcredirect/mgmt/store"
)

// playStoreMain is the command playstore: a process with role store that has the flows of a file, and gives them one a
// page, until SIGTERM.
//
//	playstore --ready FILE FOLDER FLOWS
func playStoreMain() {
	ready := flag.String("ready", "", "")
	flag.Parse()
	if err := playStore(flag.Arg(0), flag.Arg(1), *ready); err != nil {
		fmt.Fprintln(os.Stderr, "playstore:", err)
		os.Exit(1)
	}
}

func playStore(dir, file, ready string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: dir}, Name: "playstore"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	b, err := bus.Open(reg, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	defer b.Handle(store.FlowsMethod, func(_ context.Context, request []byte) ([]byte, error) {
		var q store.FlowsRequest
		var flows []report.Flow
		text, err := os.ReadFile(file)
		if err = errors.Join(err, json.Unmarshal(request, &q), json.Unmarshal(text, &flows)); err != nil {
			return nil, err
		}
		return json.Marshal(pageOf(flows, &q))
	})()
	c, err := reg.Claim(registry.Instance{Role: "store"})
	if err != nil {
		return err
	}
	c.Beat(registry.Running, "")
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// pageOf is a page of one flow.
func pageOf(flows []report.Flow, q *store.FlowsRequest) *store.FlowsPage {
	page := &store.FlowsPage{Flows: []report.Flow{}}
	first := int64(0)
	if q.After != nil {
		first = *q.After
	}
	for i := first; i < int64(len(flows)); i++ {
		if f := flows[i]; q.Initiator == "" || q.Initiator == f.Initiator {
			page.Flows = append(page.Flows, f)
			page.Next = new(i + 1)
			break
		}
	}
	return page
}
