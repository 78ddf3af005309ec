package peer

import (
	"fmt"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// leftIn is what stands in the tables of a segment because a peer knew of it, whoever put it there: logins that no frame
// showed, and directions that had none and that nobody asked for. Taking one out that had a frame since does nothing.
func leftIn(state *shm.File) (logins, flows []uint64) {
	if view, err := login.NewView(state.Bytes(shm.RegionLogins)); err == nil { // without a table nothing is left in it
		for l := range view.All() {
			if l.Flags&login.FromPeer != 0 {
				logins = append(logins, uint64(l.Addr))
			}
		}
	}
	for n := range shm.MaxLcores {
		entries := shm.Items[flow.Entry](state, fmt.Sprintf(shm.RegionFlows, n))
		infos := shm.Items[flow.Info](state, fmt.Sprintf(shm.RegionInfos, n))
		if entries == nil || infos == nil {
			break
		}
		for d := range flow.NewView(entries, infos).All() {
			if d.Frames == 0 && d.Info.Static == 0 {
				flows = append(flows, uint64(d.Key))
			}
		}
	}
	return logins, flows
}
