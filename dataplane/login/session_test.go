package login

import (
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

func TestSessionsShowWhoIsWho(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
		"PLOGI and its accept both name their sender": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			b.holds("0x010101 HOST port 0 live session", "0x020101 REMOTE port 2 live session")
			if l := b.one(remoteID); l.MAC != fcfMAC || l.WWNN != remote.wwnn {
				b.t.Errorf("%+v", l)
			}
		},
		"PLOGI may come from the target": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1)).put(edge0, host.plogiAcc(hostID, remoteID, 1))
			b.holds("0x010101 HOST port 0 live session", "0x020101 REMOTE port 2 live session")
		},
		"an accept that answers nothing names nobody": func(b *lab) {
			b.put(fabric0, remote.plogiAcc(remoteID, hostID, 1)).holds()
			b.counted(CountUnmatched, 1)
		},
		"a rejected PLOGI names the one that sent it, not the one that rejects": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			b.put(fabric0, remote.reply(remoteID, hostID, 1, frame.LSRjt{Reason: frame.RjtUnable}.Append(nil)))
			b.holds("0x010101 HOST port 0 live session")
			b.counted(CountRefused, 1)
			b.quiet(CountBadPayload)
		},
		"the directory server's accept is no N_Port's": func(b *lab) {
			b.put(edge0, host.plogi(hostID, frame.NameServer, 1)).put(fabric0, remote.plogiAcc(frame.NameServer, hostID, 1))
			b.holds("0x010101 HOST port 0 live session")
			b.quiet(CountNoName)
		},
		"ADISC and its accept name their sender": func(b *lab) {
			b.put(edge0, host.els(hostID, remoteID, 1, host.adisc(frame.ELSADISC, hostID)))
			b.put(fabric0, remote.reply(remoteID, hostID, 1, remote.adisc(frame.ELSLSAcc, remoteID)))
			b.holds("0x010101 HOST port 0 live session", "0x020101 REMOTE port 2 live session")
		},
		"ADISC that names another address than its sender's is not believed": func(b *lab) {
			b.put(edge0, host.els(hostID, remoteID, 1, host.adisc(frame.ELSADISC, rivalID))).holds()
			b.counted(CountBadPayload, 1)
		},
		"PRLI and its accept claim functions": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			b.put(edge0, host.els(hostID, remoteID, 2, prli(frame.ELSPRLI, frame.FCPParamInitiator)))
			b.put(fabric0, remote.reply(remoteID, hostID, 2, prli(frame.ELSLSAcc, frame.FCPParamTarget|frame.FCPParamInitiator)))
			if h, r := b.one(hostID), b.one(remoteID); h.Role() != "initiator" || r.Role() != "target" || r.Claimed != Initiator|Target {
				b.t.Errorf("%+v\n%+v", h, r)
			}
		},
		"PRLI of FC-NVMe, with its longer page, claims functions": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			p := append([]byte{0x20, 20, 0, 24, frame.TypeNVMe, 0, 0x20, 0}, make([]byte, 16)...)
			p[19] = 0x20
			b.put(edge0, host.els(hostID, remoteID, 2, p))
			if l := b.one(hostID); l.Claimed != Initiator {
				b.t.Errorf("%+v", l)
			}
		},
		"a command shows the roles, more than any claim": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			b.put(edge0, host.els(hostID, remoteID, 2, prli(frame.ELSPRLI, frame.FCPParamTarget)))
			b.put(edge0, host.command(hostID, remoteID))
			if h, r := b.one(hostID), b.one(remoteID); h.Role() != "initiator" || r.Role() != "target" {
				b.t.Errorf("%+v\n%+v", h, r)
			}
			b.put(fabric0, remote.command(remoteID, hostID))
			if h := b.one(hostID); h.Role() != "both" {
				b.t.Errorf("role %s", h.Role())
			}
		},
		"functions of an address are forgotten with the login that had them": func(b *lab) {
			b.put(edge0, host.command(hostID, remoteID)).put(edge0, host.plogi(hostID, remoteID, 1))
			b.put(edge0, host.els(hostID, frame.FabricLogin, 2, logo(hostID, host.wwpn)))
			b.put(edge1, rival.plogi(hostID, remoteID, 1))
			if l := b.one(hostID); l.WWPN != rival.wwpn || l.Observed != 0 {
				b.t.Errorf("%+v", l)
			}
		},
		"what comes back in an exchange is no command": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			h := els(hostID, remoteID, 1, true)
			h.RCtl, h.Type = frame.RCtlUnsolicitedCmd, frame.TypeFCP
			b.put(edge0, host.fcoe(h, (&frame.FCPCmnd{}).Append(nil)))
			if l := b.one(hostID); l.Observed != 0 {
				b.t.Errorf("%+v", l)
			}
		},
		"a payload behind an optional header is left alone": func(b *lab) {
			h := els(hostID, remoteID, 1, false)
			h.DFCtl = frame.DFCtlNetwork
			b.put(edge0, host.fcoe(h, host.login(frame.ELSPLOGI))).holds()
			b.counted(CountIgnored, 1)
		},
		"an N_Port behind the fabric may come through another FCF": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			h := els(remoteID, hostID, 2, false)
			h.Src = fcf2
			b.changes = nil
			b.put(fabric0, frame.AppendFCoE(nil, h, remote.adisc(frame.ELSADISC, remoteID)))
			b.told("updated 0x020101 seen")
			h = els(remoteID, hostID, 3, false)
			h.Src = fcfMAC
			b.wait(time.Second).put(fabric0, frame.AppendFCoE(nil, h, frame.AppendELS(nil, frame.ELSRTV)))
			if l := b.one(remoteID); l.LastSeen != b.now {
				b.t.Errorf("%+v", l)
			}
			b.quiet(CountMoved, CountDuplicateWWPN, CountForeignSource)
			if l := b.one(remoteID); l.MAC != fcf2 {
				b.t.Errorf("%+v", l)
			}
		},
		"an N_Port behind the fabric that got another FC_ID has moved": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.changes = nil
			b.put(fabric0, remote.plogi(zonedID, hostID, 2))
			b.told("ended 0x020101 moved_away", "moved 0x030101 seen")
		},
		"functions that were seen before the name are not forgotten": func(b *lab) {
			b.put(edge0, host.command(hostID, remoteID))
			b.put(fabric0, remote.els(remoteID, hostID, 2, prli(frame.ELSPRLI, frame.FCPParamTarget)))
			b.holds()
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			if h, r := b.one(hostID), b.one(remoteID); h.Observed != Initiator || r.Observed != Target || r.Claimed != Target {
				b.t.Errorf("%+v\n%+v", h, r)
			}
		},
		"LOGO between peers makes Suspect what is known from sessions alone": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			b.changes = nil
			b.put(edge0, host.els(hostID, remoteID, 9, logo(hostID, host.wwpn)))
			b.told("suspected 0x010101 session_closed")
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			b.told("updated 0x010101 seen")
			b.holds("0x010101 HOST port 0 live session")
		},
		"PRLO takes no function away": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			b.put(edge0, host.els(hostID, remoteID, 2, prli(frame.ELSPRLI, frame.FCPParamInitiator)))
			b.put(edge0, host.els(hostID, remoteID, 3, prli(frame.ELSPRLO, 0)))
			if l := b.one(hostID); l.Claimed != Initiator {
				b.t.Errorf("%+v", l)
			}
		},
		"a frame with a wrong FC CRC teaches nothing": func(b *lab) {
			raw := host.plogi(hostID, remoteID, 1)
			raw[72] ^= 1 // in the WWPN
			b.put(edge0, raw).holds()
			b.counted(CountBadCRC, 1)
		},
		"FCoE from a service port teaches nothing": func(b *lab) {
			b.put(svc0, host.plogi(hostID, remoteID, 1)).put(svc0, host.command(hostID, remoteID)).holds()
			b.counted(CountFromService, 2)
		},
		"addresses of nobody and names of nobody are not learnt": func(b *lab) {
			nameless := host
			nameless.wwpn = 0
			b.put(edge0, nameless.plogi(hostID, remoteID, 1)).put(edge0, host.plogi(0, remoteID, 1)).holds()
			b.counted(CountNoName, 2)
		},
	})
}
