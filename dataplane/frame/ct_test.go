package frame

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// ofBody makes one shape of the parsers that take a CT unit.
func ofBody[T any](f func(CT) (T, error)) func(CT) (any, error) {
	return func(c CT) (any, error) { return f(c) }
}

func TestCTIsBuiltAsTheStandardDrawsIt(t *testing.T) {
	types := TypesRegistration{ID: 0x010203, Types: [8]uint32{0x100, 1}}
	tests := []struct {
		name    string
		command uint16
		body    []byte
		wire    string
		value   any
		parse   func(CT) (any, error)
	}{
		{"GPN_FT", CTGPNFT, TypeQuery{1, 2, TypeFCP}.Append(nil), "0172 0000 00000000 00 01 02 08",
			TypeQuery{1, 2, TypeFCP}, ofBody(ParseTypeQuery)},
		{"GID_FT", CTGIDFT, TypeQuery{FC4: TypeFCP}.Append(nil), "0171 0000 00000000 00000008",
			TypeQuery{FC4: TypeFCP}, ofBody(ParseTypeQuery)},
		{"GPN_ID", CTGPNID, AppendIDBody(nil, 0x010203), "0112 0000 00000000 00010203",
			FCID(0x010203), ofBody(ParseIDQuery)},
		{"GNN_ID", CTGNNID, AppendIDBody(nil, 0x010203), "0113 0000 00000000 00010203",
			FCID(0x010203), ofBody(ParseIDQuery)},
		{"GID_PN", CTGIDPN, AppendNameBody(nil, 0x200002fc01000001), "0121 0000 00000000 200002fc01000001",
			WWN(0x200002fc01000001), ofBody(ParseNameQuery)},
		{"RPN_ID", CTRPNID, Registration{0x010203, 0x20}.Append(nil), "0212 0000 00000000 00010203 0000000000000020",
			Registration{0x010203, 0x20}, ofBody(ParseRegistration)},
		{"RNN_ID", CTRNNID, Registration{0x010203, 0x10}.Append(nil), "0213 0000 00000000 00010203 0000000000000010",
			Registration{0x010203, 0x10}, ofBody(ParseRegistration)},
		{"RFT_ID", CTRFTID, types.Append(nil), "0217 0000 00000000 00010203 00000100 00000001" +
			"00000000 00000000 00000000 00000000 00000000 00000000", types, ofBody(ParseTypesRegistration)},
		{"RFF_ID", CTRFFID, FeaturesRegistration{0x010203, FC4Initiator, TypeFCP}.Append(nil),
			"021f 0000 00000000 00010203 0000 02 08",
			FeaturesRegistration{0x010203, FC4Initiator, TypeFCP}, ofBody(ParseFeaturesRegistration)},
		{"the accept of GID_PN", CTAccept, AppendIDBody(nil, 0x010203), "8002 0000 00000000 00010203",
			FCID(0x010203), ofBody(ParseIDAccept)},
		{"the accept of GPN_ID", CTAccept, AppendNameBody(nil, 0x20), "8002 0000 00000000 0000000000000020",
			WWN(0x20), ofBody(ParseNameAccept)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, "01 000000 fc 02 00 00"+tt.wire)
			if built := NewCT(tt.command, tt.body).Append(nil); !bytes.Equal(built, wire) {
				t.Errorf("built % x\nwant  % x", built, wire)
			}
			c, err := ParseCT(wire)
			if err != nil {
				t.Fatal(err)
			}
			if request := tt.command != CTAccept; c.Request() != request || c.Accept() == request {
				t.Errorf("request %v, accept %v", c.Request(), c.Accept())
			}
			if got, err := tt.parse(c); err != nil || !reflect.DeepEqual(got, tt.value) {
				t.Errorf("parsed %+v, %v\nwant   %+v", got, err, tt.value)
			}
			for n := range len(tt.body) {
				short := c
				short.Body = bytes.Clone(c.Body[:n:n])
				if v, err := tt.parse(short); !errors.Is(err, ErrCTBody) {
					t.Errorf("%d bytes of body: %+v, %v", n, v, err)
				}
			}
			other := c
			other.Command = 0x0100
			if _, err := tt.parse(other); !errors.Is(err, ErrCTCommand) {
				t.Errorf("another command: %v", err)
			}
		})
	}
}

func TestCTHeader(t *testing.T) {
	in := CT{Revision: 1, InID: 0x010203, Type: 0xFA, Subtype: 1, Options: 0x80, Command: CTReject,
		MaxWords: 0x1234, Reason: 9, Explain: 7, Vendor: 3, Body: []byte{}}
	wire := unhex(t, "01010203 fa018000 8001 1234 00090703")
	if built := in.Append(nil); !bytes.Equal(built, wire) {
		t.Errorf("built % x\nwant  % x", built, wire)
	}
	if got, err := ParseCT(wire); err != nil || !reflect.DeepEqual(got, in) || got.Accept() || got.Request() {
		t.Errorf("parsed %+v, %v", got, err)
	}
	for n := range wire {
		if _, err := ParseCT(wire[:n:n]); !errors.Is(err, ErrCTShort) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestRowsOfNameServerAnswers(t *testing.T) {
	rows := AppendPortRows(nil, PortRow{ID: 0x010203, WWPN: 0x20}, PortRow{ID: 0x010204, WWPN: 0x21})
	if want := unhex(t, "00010203 00000000 0000000000000020 80010204 00000000 0000000000000021"); !bytes.Equal(rows, want) {
		t.Errorf("built % x\nwant  % x", rows, want)
	}
	first, rest, ok := NextPortRow(rows)
	if first != (PortRow{ID: 0x010203, WWPN: 0x20}) || !ok {
		t.Errorf("first %+v, %v", first, ok)
	}
	second, rest, ok := NextPortRow(rest)
	if second != (PortRow{ID: 0x010204, WWPN: 0x21, Last: true}) || !ok || len(rest) != 0 {
		t.Errorf("second %+v, %v, %d bytes left", second, ok, len(rest))
	}
	if _, rest, ok := NextPortRow(rows[:15]); ok || len(rest) != 15 {
		t.Error("half a row was read")
	}

	ids := AppendIDRows(nil, 0x010203, 0x010204)
	if want := unhex(t, "00010203 80010204"); !bytes.Equal(ids, want) {
		t.Errorf("built % x\nwant  % x", ids, want)
	}
	id, last, rest, ok := NextIDRow(ids)
	if id != 0x010203 || last || !ok {
		t.Error("first", id, last, ok)
	}
	if id, last, rest, ok = NextIDRow(rest); id != 0x010204 || !last || !ok || len(rest) != 0 {
		t.Error("second", id, last, ok)
	}
	if _, _, _, ok := NextIDRow(ids[:3]); ok {
		t.Error("half a row was read")
	}
	if len(AppendPortRows(nil)) != 0 || len(AppendIDRows(nil)) != 0 {
		t.Error("no rows make bytes")
	}
}
