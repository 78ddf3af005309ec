package frame_test

import (
	"bytes"
	"reflect"
	"testing"

	"fcredirect/dataplane/frame"
)

// The property of all targets: no input panics or makes a parser read beyond its slice;
// and what a parser accepts, its builder writes so that it reads the same again.

// seeds are the frames of Linux hosts and those we build of every kind; of the long ones
// a few are enough.
func seeds(f *testing.F) (all [][]byte) {
	for _, name := range ours {
		for _, b := range readCapture(f, name) {
			if len(b) < 300 {
				all = append(all, b)
			}
		}
	}
	for _, list := range [][]judged{fipFrames(), elsFrames(), ctFrames(), fcpFrames()} {
		for _, j := range list {
			all = append(all, j.frame)
		}
	}
	return all
}

// payloads are those of the seeds that are FCoE of one TYPE.
func payloads(f *testing.F, kind uint8) (all [][]byte) {
	var h frame.Header
	for _, b := range seeds(f) {
		if frame.Decode(b, &h) == frame.OK && h.Type == kind {
			all = append(all, h.Payload(b))
		}
	}
	if len(all) == 0 {
		f.Fatalf("no seeds of TYPE %02x", kind)
	}
	return all
}

// exact is a copy that has nothing behind it, so that reading on panics.
func exact(b []byte) []byte {
	c := make([]byte, len(b))
	copy(c, b)
	return c[:len(c):len(c)]
}

func FuzzDecode(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		b := exact(in)
		var h frame.Header
		reason := frame.Decode(b, &h)
		if reason >= frame.NumReasons {
			t.Fatalf("reason %d", reason)
		}
		if reason != frame.OK {
			return
		}
		payload := h.Payload(b)
		if len(payload)%4 != 0 || len(payload) > frame.MaxPayload || h.PayloadEnd+frame.FCoETrailerLen != len(b) ||
			h.PayloadOffset != h.FCOffset+frame.FCHeaderLen {
			t.Fatalf("offsets %d %d %d of %d bytes", h.FCOffset, h.PayloadOffset, h.PayloadEnd, len(b))
		}
		again := frame.AppendFCoE(nil, &h, payload)
		var g frame.Header
		if reason := frame.Decode(again, &g); reason != frame.OK || !g.CRCGood(again) {
			t.Fatalf("rebuilt: %v, CRC good %v", reason, g.CRCGood(again))
		}
		g.CRC = h.CRC // the frame came with whatever CRC it liked
		if g != h || !bytes.Equal(g.Payload(again), payload) {
			t.Fatalf("rebuilt\n%+v\nfrom\n%+v", g, h)
		}
	})
}

func FuzzFIP(f *testing.F) {
	var h frame.Header
	for _, b := range seeds(f) {
		if frame.Decode(b, &h) == frame.FIP {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var fip, again frame.FIPFrame
		if frame.ParseFIP(exact(in), &fip) != nil {
			return
		}
		size := 0
		for it := fip.Descriptors(); it.Next(); {
			d := it.Descriptor()
			size += len(d)
			if kind := d.Type(); kind < frame.DescVendorBase && !readable(d) {
				t.Fatalf("descriptor % x was accepted and cannot be read", []byte(d))
			}
		}
		if size != len(fip.List) {
			t.Fatalf("the walk covers %d bytes of %d", size, len(fip.List))
		}
		if fc, kind := fip.FindFC(); kind != 0 {
			var g frame.Header
			if frame.DecodeFC(fc, &g) == frame.OK && len(g.Payload(fc))+g.PayloadOffset != len(fc) {
				t.Fatalf("payload of %d bytes in an FC frame of %d", len(g.Payload(fc)), len(fc))
			}
		}
		if err := frame.ParseFIP(frame.AppendFIP(nil, &fip), &again); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(again.Padding, fip.Padding) { // padded up to the least frame
			t.Fatalf("padding % x became % x", fip.Padding, again.Padding)
		}
		again.Padding = fip.Padding
		if !reflect.DeepEqual(again, fip) {
			t.Fatalf("rebuilt\n%+v\nfrom\n%+v", again, fip)
		}
	})
}

// readable reports whether the method of the descriptor's type says yes, and no other.
func readable(d frame.Descriptor) bool {
	var ok [16]bool
	_, ok[frame.DescPriority] = d.Priority()
	_, ok[frame.DescMAC] = d.MAC()
	_, ok[frame.DescFCMap] = d.FCMap()
	_, ok[frame.DescName] = d.Name()
	_, ok[frame.DescFabric] = d.Fabric()
	_, ok[frame.DescMaxFCoESize] = d.MaxFCoESize()
	_, fc := d.FC()
	for k := frame.DescFLOGI; k <= frame.DescELP; k++ {
		ok[k] = fc && d.Type() == k
	}
	_, ok[frame.DescVNPort] = d.VNPort()
	_, ok[frame.DescFKA] = d.FKA()
	_, _, ok[frame.DescVendor] = d.Vendor()
	_, ok[frame.DescVLAN] = d.VLAN()
	_, ok[frame.DescFC4Features] = d.FC4Features()
	yes := 0
	for _, o := range ok {
		if o {
			yes++
		}
	}
	return yes == 1 && ok[d.Type()]
}

// stable checks that what parse accepts is read the same after it was written again.
func stable[T any](t *testing.T, p []byte, parse func([]byte) (T, error), write func(T) []byte) {
	t.Helper()
	v, err := parse(exact(p))
	if err != nil {
		return
	}
	again, err := parse(write(v))
	if err != nil || !reflect.DeepEqual(v, again) {
		t.Fatalf("%T %+v is rewritten as %+v, %v", v, v, again, err)
	}
}

func FuzzELS(f *testing.F) {
	for _, p := range payloads(f, frame.TypeELS) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		stable(t, p, frame.ParsePlain, func(v frame.ELSCommand) []byte { return frame.AppendELS(nil, v) })
		stable(t, p, frame.ParseLogin, func(v frame.Login) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseLSRjt, func(v frame.LSRjt) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseLogo, func(v frame.Logo) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseAdisc, func(v frame.Adisc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseExchange, func(v frame.Exchange) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRECAcc, func(v frame.RECAcc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseSRR, func(v frame.SRR) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRTVAcc, func(v frame.RTVAcc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRLS, func(v frame.RLS) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRLSAcc, func(v frame.RLSAcc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRESAcc, func(v frame.RESAcc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRSSAcc, func(v frame.RSSAcc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseSCR, func(v frame.SCR) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseFARP, func(v frame.FARP) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseFAN, func(v frame.FAN) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRNID, func(v frame.RNID) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRNIDAcc, func(v frame.RNIDAcc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseRLIR, func(v frame.RLIR) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseSRL, func(v frame.SRL) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseEVFP, func(v frame.EVFP) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseAuth, func(v frame.Auth) []byte { return v.Append(nil) })
		stable(t, p, servicePages, func(v []frame.ServicePage) []byte {
			return frame.AppendProcessLogin(nil, frame.ELSCommand(p[0]), v...)
		})
		stable(t, p, rscnPages, func(v []frame.RSCNPage) []byte { return frame.AppendRSCN(nil, v...) })
	})
}

func servicePages(p []byte) (pages []frame.ServicePage, err error) {
	l, err := frame.ParseProcessLogin(p)
	for i := range l.Len() {
		pages = append(pages, l.Page(i))
	}
	return pages, err
}

func rscnPages(p []byte) (pages []frame.RSCNPage, err error) {
	r, err := frame.ParseRSCN(p)
	for i := range r.Len() {
		pages = append(pages, r.Page(i))
	}
	return pages, err
}

func FuzzCT(f *testing.F) {
	for _, p := range payloads(f, frame.TypeCT) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		stable(t, p, frame.ParseCT, func(v frame.CT) []byte { return v.Append(nil) })
		c, err := frame.ParseCT(exact(p))
		if err != nil {
			return
		}
		body(t, c, frame.ParseTypeQuery, func(v frame.TypeQuery) []byte { return v.Append(nil) })
		body(t, c, frame.ParseIDQuery, func(v frame.FCID) []byte { return frame.AppendIDBody(nil, v) })
		body(t, c, frame.ParseIDAccept, func(v frame.FCID) []byte { return frame.AppendIDBody(nil, v) })
		body(t, c, frame.ParseNameQuery, func(v frame.WWN) []byte { return frame.AppendNameBody(nil, v) })
		body(t, c, frame.ParseNameAccept, func(v frame.WWN) []byte { return frame.AppendNameBody(nil, v) })
		body(t, c, frame.ParseRegistration, func(v frame.Registration) []byte { return v.Append(nil) })
		body(t, c, frame.ParseTypesRegistration, func(v frame.TypesRegistration) []byte { return v.Append(nil) })
		body(t, c, frame.ParseFeaturesRegistration, func(v frame.FeaturesRegistration) []byte { return v.Append(nil) })
		rows := c.Body
		for range len(c.Body)/16 + 1 {
			row, rest, ok := frame.NextPortRow(rows)
			if ok != (len(rows) >= 16) || row.ID > 0xFFFFFF {
				t.Fatalf("row %+v of %d bytes, %v", row, len(rows), ok)
			}
			rows = rest
		}
		rows = c.Body
		for range len(c.Body)/4 + 1 {
			id, _, rest, ok := frame.NextIDRow(rows)
			if ok != (len(rows) >= 4) || id > 0xFFFFFF {
				t.Fatalf("row %v of %d bytes, %v", id, len(rows), ok)
			}
			rows = rest
		}
	})
}

// body is stable for the body of a CT unit of the same command.
func body[T any](t *testing.T, c frame.CT, parse func(frame.CT) (T, error), write func(T) []byte) {
	t.Helper()
	stable(t, c.Body, func(p []byte) (T, error) {
		unit := c
		unit.Body = p
		return parse(unit)
	}, write)
}

func FuzzFCP(f *testing.F) {
	for _, kind := range []uint8{frame.TypeFCP, frame.TypeBLS} {
		for _, p := range payloads(f, kind) {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		stable(t, p, frame.ParseFCPCmnd, func(v frame.FCPCmnd) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseXferRdy, func(v frame.XferRdy) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseFCPRsp, func(v frame.FCPRsp) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseBAAcc, func(v frame.BAAcc) []byte { return v.Append(nil) })
		stable(t, p, frame.ParseBARjt, func(v frame.BARjt) []byte { return v.Append(nil) })
	})
}

// The parsers run in a process that must not make garbage.
func TestParsersAllocateNothing(t *testing.T) {
	var frames [][]byte
	for _, list := range [][]judged{fipFrames(), elsFrames(), ctFrames(), fcpFrames()} {
		for _, j := range list {
			frames = append(frames, j.frame)
		}
	}
	var h frame.Header
	var f frame.FIPFrame
	accepted := 0
	count := func(err error) {
		if err == nil {
			accepted++
		}
	}
	allocs := testing.AllocsPerRun(10, func() {
		for _, b := range frames {
			if frame.Decode(b, &h) == frame.FIP {
				count(frame.ParseFIP(b, &f))
				for it := f.Descriptors(); it.Next(); {
					readable(it.Descriptor())
				}
				f.FindFC()
				continue
			}
			p := h.Payload(b)
			for _, err := range parseAll(p) {
				count(err)
			}
		}
	})
	if allocs != 0 || accepted == 0 {
		t.Errorf("%v allocations, %d payloads accepted", allocs, accepted)
	}
}

func parseAll(p []byte) (errs [14]error) {
	_, errs[0] = frame.ParseLogin(p)
	_, errs[1] = frame.ParseProcessLogin(p)
	_, errs[2] = frame.ParseAdisc(p)
	_, errs[3] = frame.ParseLogo(p)
	_, errs[4] = frame.ParseExchange(p)
	_, errs[5] = frame.ParseRECAcc(p)
	_, errs[6] = frame.ParseRSCN(p)
	_, errs[7] = frame.ParseLSRjt(p)
	_, errs[8] = frame.ParseRNIDAcc(p)
	_, errs[9] = frame.ParseRLIR(p)
	_, errs[10] = frame.ParseAuth(p)
	_, errs[11] = frame.ParseFCPCmnd(p)
	_, errs[12] = frame.ParseFCPRsp(p)
	c, err := frame.ParseCT(p)
	_, errs[13] = frame.ParseTypeQuery(c)
	if err == nil {
		for row, rest, ok := frame.NextPortRow(c.Body); ok && !row.Last; {
			row, rest, ok = frame.NextPortRow(rest)
		}
	}
	return errs
}
