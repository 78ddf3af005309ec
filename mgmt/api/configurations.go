package api

import (
	"fmt"

	"fcredirect/mgmt/api/configuration"
	"fcredirect/mgmt/change"
)

// configuration serves aliases, sets, services and policies, and the change of them.
func (a *assembly) configuration() (err error) {
	plane, err := a.clustered()
	if err != nil {
		return err
	}
	a.change, err = change.New(change.Options{
		Settings: a.settings, Plane: plane, Elsewhere: a.editorElsewhere, Traffic: change.Segment{Live: a.live}, DB: a.DB, Events: a.Events, Log: a.Log,
	})
	if err != nil {
		return fmt.Errorf("open change control: %w", err)
	}
	a.start(a.change.Run)
	a.joinCluster()
	configuration.Register(a.rest, configuration.Deps{Change: a.change, Cluster: a.cluster, Node: a.Config.Node})
	return nil
}
