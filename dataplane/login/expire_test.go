package login

import (
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

func TestFIPTimers(t *testing.T) {
	const fka = 8 * time.Second
	// every runs a step each period until the time has passed.
	every := func(b *lab, period, all time.Duration, step func()) {
		for range int(all / period) {
			b.wait(period)
			step()
		}
	}
	in := func(b *lab) { b.put(fabric0, advertise(fka, false)).logIn(host, frame.ELSFLOGI, hostID) }
	scenarios(t, map[string]func(b *lab){
		"an ENode that keeps alive keeps all its VN_Ports, if they keep alive too": func(b *lab) {
			npiv := host
			npiv.wwpn++
			in(b)
			b.logIn(npiv, frame.ELSFDISC, 0x010102)
			n := 0
			every(b, fka, 10*time.Minute, func() {
				b.put(fabric0, advertise(fka, false)).put(edge0, host.keepAlive())
				if n++; n%11 == 0 {
					b.put(edge0, host.vnKeepAlive(hostID))
				}
			})
			b.holds("0x010101 HOST port 0 live login, vouched, keeps alive")
		},
		"an ENode is given up 2.5 FKA_ADV_PERIODs after its last keep-alive": func(b *lab) {
			in(b)
			b.wait(fka).put(edge0, host.keepAlive())
			b.wait(fka).put(fabric0, advertise(fka, false)).wait(fka).put(fabric0, advertise(fka, false))
			b.wait(fka/2 - 1).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.changes = nil
			b.wait(scanPause)
			b.told("ended 0x010101 silent")
		},
		"FLOGI again is a sign of the ENode": func(b *lab) {
			in(b)
			b.wait(15*time.Second).logIn(host, frame.ELSFLOGI, hostID).put(fabric0, advertise(fka, false))
			b.wait(10 * time.Second).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
		},
		"a VN_Port is given up 2.5 × 90 s after its last sign": func(b *lab) {
			in(b)
			every(b, fka, 224*time.Second, func() { b.put(fabric0, advertise(fka, false)).put(edge0, host.keepAlive()) })
			b.holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.wait(time.Second).holds()
		},
		"with the D bit nobody has to keep alive": func(b *lab) {
			b.put(fabric0, advertise(fka, true)).logIn(host, frame.ELSFLOGI, hostID)
			every(b, fka, time.Hour, func() { b.put(fabric0, advertise(fka, true)) })
			b.holds("0x010101 HOST port 0 live login, vouched")
			// and when it is taken back, the time starts then
			b.put(fabric0, advertise(fka, false))
			b.holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.wait(19 * time.Second).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
		},
		"an FCF that stops advertising takes its logins along": func(b *lab) {
			in(b)
			b.logIn(rival, frame.ELSFLOGI, rivalID)
			every(b, fka, 16*time.Second, func() { b.put(edge0, host.keepAlive()).put(edge1, rival.keepAlive()) })
			b.changes = nil
			b.wait(4 * time.Second)
			b.told("ended 0x010101 fcf_lost", "ended 0x010202 fcf_lost")
		},
		"as long as no advertisement told the period, it may be 90 s": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(edge0, host.keepAlive())
			b.wait(90*time.Second).put(edge0, host.vnKeepAlive(hostID))
			b.wait(134 * time.Second).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.wait(time.Second).holds()
		},
		"a VN_Port keep-alive names a login that was there before": func(b *lab) {
			b.put(edge0, host.vnKeepAlive(hostID))
			b.holds("0x010101 HOST port 0 live keep_alive, keeps alive")
			if l := b.one(hostID); l.MAC != host.fpma(hostID) || l.ENode != host.eNode || l.FCF != fcfMAC {
				b.t.Errorf("%+v", l)
			}
		},
		"a VN_Port keep-alive without a name is a sign of the login there": func(b *lab) {
			nameless := host
			nameless.wwpn = 0
			in(b)
			b.wait(fka).put(edge0, nameless.vnKeepAlive(hostID)).put(edge1, nameless.vnKeepAlive(hostID))
			b.put(edge0, nameless.vnKeepAlive(rivalID))
			if l := b.one(hostID); l.LastSeen != b.now {
				b.t.Errorf("%+v", l)
			}
			b.counted(CountForeignSource, 1)
			b.counted(CountNoName, 1)
		},
		"keep-alives on another port are no sign": func(b *lab) {
			in(b)
			b.wait(15*time.Second).put(edge1, host.keepAlive())
			b.counted(CountForeignSource, 1)
			b.put(fabric0, advertise(fka, false)).wait(5 * time.Second)
			b.holds()
		},
		"an advertisement from an edge port sets no timer in strict mode": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(edge1, advertise(fkaMin, false))
			b.wait(time.Hour).holds("0x010101 HOST port 0 live login, vouched")
			b.counted(CountUntrusted, 1)
		},
		"an FCF that is first heard of later has its time too": func(b *lab) {
			b.wait(time.Minute)
			in(b)
			b.wait(19*time.Second).put(edge0, host.keepAlive())
			b.changes = nil
			b.wait(time.Second)
			b.told("ended 0x010101 fcf_lost")
		},
		"keep-alives and advertisements in the name of another MAC are none": func(b *lab) {
			in(b)
			b.wait(fka)
			raw := host.keepAlive()
			copy(raw[6:12], rival.eNode[:])
			b.put(edge0, raw)
			raw = advertise(time.Second, false)
			copy(raw[6:12], fcf2[:])
			b.put(fabric0, raw)
			b.counted(CountBadFIP, 2)
			b.put(fabric0, advertise(fka, false)).wait(12 * time.Second).holds()
		},
		"an FCF has a timer in each VLAN": func(b *lab) {
			in(b)
			raw := advertise(time.Minute, true)
			tagged := append(append(append([]byte(nil), raw[:12]...), 0x81, 0, 0, 100), raw[12:]...)
			b.put(fabric0, tagged).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			if f := b.learner.findFCF(0, fcfMAC); f == nil || f.fka != fka {
				b.t.Errorf("%+v", f)
			}
		},
		"with the D bit a keep-alive is no promise of more": func(b *lab) {
			b.put(fabric0, advertise(fka, true)).logIn(host, frame.ELSFLOGI, hostID).put(edge0, host.keepAlive())
			b.holds("0x010101 HOST port 0 live login, vouched")
		},
		"a login that the standards have no timer for ends after a day of silence": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.wait(idleLimit / 2)
			b.learner.Seen(At(0, 0, remoteID), b.now)
			b.wait(idleLimit - 1).holds("0x020101 REMOTE port 2 live session")
			b.wait(scanPause).holds()
		},
	})
}
