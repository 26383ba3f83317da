package store_test

import (
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestFindingStoredSpellings finds lines as earlier versions stored them: with blanks in a lot, with a serial number
// joined to it, and with a UDI in which they found nothing.
func TestFindingStoredSpellings(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testStoredSpellings(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { testStoredSpellings(t, storetest.NewPostgresBackends(t)(t)) })
}

func testStoredSpellings(t *testing.T, b storetest.Backend) {
	t.Helper()
	const gtin = "05410000001047"
	db := b.Open(t)
	l := &expectedRegister{}
	device := implants.Device{Code: people.MustCode(listedCode), UDIDIs: []string{gtin}, Status: implants.DeviceActive}
	if err := db.LoadSources(t.Context(), implants.SourceEntries{Devices: []implants.Device{device}}); err != nil {
		t.Fatal(err)
	}
	stored := map[string]implants.Implant{
		"plain":  {NotifiedImplant: implants.NotifiedImplant{Lot: "L2201", Serial: "S1"}, UDIDI: gtin},
		"blanks": {NotifiedImplant: implants.NotifiedImplant{Lot: " L 2201\u00a0", Serial: "S 1 "}, UDIDI: gtin},
		"joined": {NotifiedImplant: implants.NotifiedImplant{Lot: "L2201<GS>21S1", UDI: "(01)05410000001047(10)L2201<GS>21S1"}, UDIDI: gtin},
		"unread": {NotifiedImplant: implants.NotifiedImplant{UDI: "010541000000104710L2201^21S1"}},
		"other":  {NotifiedImplant: implants.NotifiedImplant{UDI: "010541000000111510L22019^21S12", Lot: ""}},
		"longer": {NotifiedImplant: implants.NotifiedImplant{Lot: "L22010", Serial: "S10"}, UDIDI: "05410000001115"},
	}
	numberOf := map[string]ident.NotificationNumber{}
	for name, line := range stored {
		n := l.fixedNotification()
		line.ID, line.Quantity = "line-"+name, 1
		n.Implants = []implants.Implant{line}
		numberOf[name] = n.Number
		if err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendVersion(n) }); err != nil {
			t.Fatal(err)
		}
	}
	one := func(s string) implants.Range { return implants.Range{From: s, To: s} }
	for name, c := range map[string]struct {
		query implants.RecallQuery
		want  []string
	}{
		"identifier":                 {implants.RecallQuery{UDIDI: gtin}, []string{"plain", "blanks", "joined", "unread"}},
		"13 digits":                  {implants.RecallQuery{UDIDI: "5410000001047"}, []string{"plain", "blanks", "joined", "unread"}},
		"with its identifier":        {implants.RecallQuery{UDIDI: "(01)05410000001047"}, []string{"plain", "blanks", "joined", "unread"}},
		"code of the list":           {implants.RecallQuery{Code: people.MustCode(listedCode)}, []string{"plain", "blanks", "joined", "unread"}},
		"lot":                        {implants.RecallQuery{Lots: one("L2201")}, []string{"plain", "blanks", "joined", "unread"}},
		"lot with blanks":            {implants.RecallQuery{Lots: one(" L2201 ")}, []string{"plain", "blanks", "joined", "unread"}},
		"lot with blanks inside":     {implants.RecallQuery{Lots: one("L 2201"), UDIDI: gtin}, []string{"plain", "blanks", "joined", "unread"}},
		"lots":                       {implants.RecallQuery{Lots: implants.Range{From: "L2200", To: "L2209"}}, []string{"plain", "blanks", "unread"}},
		"serial":                     {implants.RecallQuery{Serials: one("S1")}, []string{"plain", "blanks", "unread"}},
		"another device identifier":  {implants.RecallQuery{UDIDI: "5410000001115"}, []string{"other", "longer"}},
		"lot that nobody has":        {implants.RecallQuery{Lots: one("L220")}, nil},
		"lot of another device only": {implants.RecallQuery{Lots: one("L22019")}, []string{"other"}},
	} {
		recall, err := db.Recall(t.Context(), c.query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := map[ident.NotificationNumber]bool{}
		for _, line := range recall.Lines {
			got[line.Number] = true
		}
		for _, want := range c.want {
			if !got[numberOf[want]] {
				t.Errorf("%s: %q is not found", name, want)
			}
		}
		if len(got) != len(c.want) || len(recall.Lines) != len(c.want) {
			t.Errorf("%s: %d lines found, want %q", name, len(recall.Lines), c.want)
		}
	}
	for name, q := range map[string]implants.NotificationQuery{
		"identifier":     {UDIDIs: []string{gtin}},
		"with lot":       {UDIDIs: []string{gtin}, Lot: "L2201", Serial: "S1"},
		"lot and blanks": {UDIDIs: []string{gtin}, Lot: " L 2201"},
	} {
		q.Limit = 10
		err := db.RunReadTx(t.Context(), func(r implants.Reader) error {
			found, _, err := r.SearchNotifications(q)
			got := map[ident.NotificationNumber]bool{}
			for _, n := range found {
				got[n.Number] = true
			}
			if !got[numberOf["plain"]] || !got[numberOf["blanks"]] || !got[numberOf["unread"]] || got[numberOf["other"]] {
				t.Errorf("search by %s finds %v", name, got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	for name, q := range map[string]implants.RecallQuery{
		"wrong check digit": {UDIDI: "05410000001048"}, "no identifier": {UDIDI: "knee"}, "a lot": {UDIDI: "(10)L1"},
		"blanks": {Lots: one("  ")}, "blank serial": {Serials: one("\u00a0")}, "two identifiers": {UDIDI: "05410000001047,05410000001115"},
	} {
		if recall, err := db.Recall(t.Context(), q); err == nil {
			t.Errorf("%s: %d lines instead of a refusal", name, len(recall.Lines))
		}
	}
}

// fixedNotification returns a final implantation with the next number.
func (l *expectedRegister) fixedNotification() implants.Notification {
	l.running++
	on := dayAfterStart(1)
	return implants.Notification{
		Reference: "spelling-" + string(rune('a'+l.running)), Version: 1, State: implants.Final, SurgeryDate: on,
		Type: implants.TypeImplantation, Patient: testSSIN(100), Author: testSSIN(1),
		Number: people.Must(func(string) (ident.NotificationNumber, error) { return ident.NewNotificationNumber(on, l.running) }, ""),
	}
}
