package operator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// forEachEngine runs a test on each database engine.
func forEachEngine(t *testing.T, test func(*testing.T, storetest.Backend)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(t, storetest.NewSQLiteBackend(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, storetest.NewPostgresBackends(t)(t)) })
}

// importFixture is an importer on an open register.
type importFixture struct {
	*testing.T
	db *store.DB
	operator.Importer
}

func newImportFixture(t *testing.T, db *store.DB) importFixture {
	t.Helper()
	ids := 0
	return importFixture{t, db, operator.Importer{Database: db, Operator: operator.Operator{Store: db, Name: "operator",
		Now: func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }, NewID: func() string { ids++; return fmt.Sprint("id-", ids) }}}}
}

func (i importFixture) newExtract(kind, form, content string) operator.Extract {
	i.Helper()
	return operator.Extract{Kind: kind, Name: "dir/" + kind, Form: form, Day: people.MustDate("2026-11-21"),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

func reportText(t *testing.T, r operator.ImportReport) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkImport does a dry run of an extract, commits it, and compares both reports with the wanted one.
func (i importFixture) checkImport(x operator.Extract, want string) {
	i.Helper()
	checked, err := i.DryRun(i.Context(), x)
	if err != nil {
		i.Fatal(err)
	}
	if got := reportText(i.T, checked); got != want {
		i.Errorf("told\n%swant\n%s", got, want)
	}
	done, err := i.Commit(i.Context(), x)
	if err != nil {
		i.Fatal(err)
	}
	if got := reportText(i.T, done); got != want {
		i.Errorf("done\n%swant\n%s", got, want)
	}
}

func (i importFixture) checkRejected(x operator.Extract, want string) {
	i.Helper()
	if err := i.rejectImport(x, want); err == nil {
		i.Error("not refused")
	}
}

// rejectImport checks that the dry run and the commit fail with the wanted error and change nothing.
func (i importFixture) rejectImport(x operator.Extract, want string) error {
	i.Helper()
	before := i.registerState()
	_, err := i.DryRun(i.Context(), x)
	_, again := i.Commit(i.Context(), x)
	if err == nil || again == nil || err.Error() != again.Error() {
		i.Errorf("refused with %v and %v", err, again)
		return err
	}
	if !strings.Contains(err.Error(), want) {
		i.Errorf("%q is not told in: %v", want, err)
	}
	if after := i.registerState(); after != before {
		i.Errorf("changed from\n%s\nto\n%s", before, after)
	}
	return err
}

// registerState returns the source versions, the devices and the audit events as text.
func (i importFixture) registerState() string {
	i.Helper()
	versions, err := i.db.SourceVersions(i.Context(), "")
	if err != nil {
		i.Fatal(err)
	}
	events, _, err := i.db.ReadEvents(i.Context(), 0, 1000)
	if err != nil {
		i.Fatal(err)
	}
	var devices []implants.Device
	err = i.db.RunReadTx(i.Context(), func(r implants.Reader) (err error) {
		devices, _, err = r.SearchDevices(implants.DeviceQuery{Limit: 1000})
		return err
	})
	if err != nil {
		i.Fatal(err)
	}
	return fmt.Sprintf("%+v\n%+v\n%+v", versions, events, devices)
}

func (i importFixture) findDevice(code string) implants.Device {
	i.Helper()
	var d implants.Device
	err := i.db.RunReadTx(i.Context(), func(r implants.Reader) (err error) {
		d, _, err = r.DeviceByCode(people.MustCode(code))
		return err
	})
	if err != nil {
		i.Fatal(err)
	}
	return d
}

const (
	deviceHeader = "notification_code;name;reference;manufacturer;distributor;classification;category;udi_di;status;valid_from;deleted_on"
	knee         = "000071200176"
	mesh         = "000060479203"
	meshToo      = "000060479302"
)

func listXML(head, data string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<!-- an invented list -->
<List xmlns="http://www.riziv.fgov.be/xsd/cti/201411">
  <Header>` + head + `</Header>
` + data + `
</List>
`
}

func productXML(code, name, more string) string {
	return "  <Data>\n    <NotificationCode>" + code + "</NotificationCode>\n    <ProductName>" + name + "</ProductName>\n    " + more + "\n  </Data>\n"
}

func fullHeader(n int) string {
	return fmt.Sprintf("<SequenceNumber>%d</SequenceNumber><ModificationsTo>2026-11-01</ModificationsTo>", n)
}

func deltaHeader(n int) string {
	return fmt.Sprintf("<SequenceNumber>%d</SequenceNumber><ModificationsFrom>2026-11-02</ModificationsFrom><ModificationsTo>2026-11-15</ModificationsTo>", n)
}

func TestPublishedList(t *testing.T) {
	t.Parallel()
	forEachEngine(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		i := newImportFixture(t, b.Open(t))
		csv := deviceHeader + ";recalled_on\n" +
			knee + ";Knee;K;Ardenne;Alma;D.01;Orthopaedic;05410000001047;Active;2015-01-01;;\n" +
			mesh + ";Mesh;M;Meridian;Alma;C.10;;;Recalled;2014-05-01;;2026-10-01\n"
		i.checkImport(i.newExtract("devices", "", csv), "devices, delta of 2026-11-21: 2 read, 2 new, 0 changed, 0 unchanged, 0 ended\n"+
			"  000071200176: is new\n  000060479203: is new\n")
		i.checkImport(i.newExtract("devices", operator.FormDelta, csv), "devices, delta of 2026-11-21: 2 read, 0 new, 0 changed, 2 unchanged, 0 ended\n")

		err := i.rejectImport(i.newExtract("devices", "", listXML(deltaHeader(8), productXML(knee, "Knee", ""))), "no full list is there yet")
		var sequence *operator.SequenceError
		if !errors.As(err, &sequence) || sequence.Given != 8 || sequence.Last != 0 {
			t.Errorf("%v", err)
		}
		full := listXML(fullHeader(7), productXML(knee, "Knee &amp; leg", "<IndicativePrice>12.50</IndicativePrice><ProductReference>K</ProductReference>"+
			"<Manufacturer>Ardenne</Manufacturer><Distributor>Alma</Distributor><ClassificationCode>D.01</ClassificationCode><PublicationDate>2015-01-01</PublicationDate>")+
			productXML(meshToo, "<![CDATA[Mesh > too]]>", "<UDIDI>05410000000125</UDIDI><UDIDI>05410000000293</UDIDI>"))
		i.checkImport(i.newExtract("devices", "", full), "devices, full 7 of 2026-11-01: 2 read, 1 new, 1 changed, 0 unchanged, 1 ended\n"+
			`  000071200176: name "Knee" → "Knee & leg"`+"\n  000060479302: is new\n"+`  000060479203: deleted_on "" → "2026-11-01"`+"\n")
		if d := i.findDevice(knee); d.Category != "Orthopaedic" || !slices.Equal(d.UDIDIs, []string{"05410000001047"}) || d.Status != implants.DeviceActive {
			t.Errorf("the list has taken what it does not tell: %+v", d)
		}
		if d := i.findDevice(mesh); d.Status != implants.DeviceRecalled || d.RecalledOn != people.MustDate("2026-10-01") || d.DeletedOn != people.MustDate("2026-11-01") {
			t.Errorf("a recall does not stand: %+v", d)
		}
		for _, delta := range []int{7, 9} {
			err = i.rejectImport(i.newExtract("devices", "", listXML(deltaHeader(delta), productXML(knee, "Knee", ""))), "so 8 must be next")
			if !errors.As(err, &sequence) || sequence.Given != int64(delta) || sequence.Last != 7 {
				t.Errorf("%v", err)
			}
		}
		i.checkRejected(i.newExtract("devices", "", listXML(fullHeader(6), productXML(knee, "Knee", ""))), "the newer list 7 is there")
		i.checkRejected(i.newExtract("devices", operator.FormFull, listXML(deltaHeader(8), productXML(knee, "Knee", ""))), "says that it is delta, not full")
		i.checkImport(i.newExtract("devices", "", listXML(deltaHeader(8), productXML(meshToo, "Mesh > too", "<DeletedOn>2026-11-10</DeletedOn><UDIDI>05410000000125</UDIDI>"))),
			"devices, delta 8 of 2026-11-15: 1 read, 0 new, 1 changed, 0 unchanged, 0 ended\n"+
				`  000060479302: udi_di "05410000000125 05410000000293" → "05410000000125"`+"\n"+
				`  000060479302: status "Active" → "Deleted"`+"\n"+`  000060479302: deleted_on "" → "2026-11-10"`+"\n")
	})
}

func TestUnlisted(t *testing.T) {
	t.Parallel()
	i := newImportFixture(t, storetest.NewSQLiteBackend(t).Open(t))
	good := productXML(knee, "Knee", "")
	for name, c := range map[string]struct{ kind, content, want string }{
		"no header":            {"devices", listXML("", good), "SequenceNumber"},
		"no entries at all":    {"devices", `<List xmlns="http://www.riziv.fgov.be/xsd/cti/201411"/>`, "has no Header"},
		"an empty full list":   {"devices", listXML(fullHeader(1), ""), "would end everything"},
		"another namespace":    {"devices", strings.Replace(listXML(fullHeader(1), good), "201411", "201412", 1), "line 4: the list is not of the namespace"},
		"a bad day":            {"devices", listXML("<SequenceNumber>1</SequenceNumber><ModificationsTo>2026-11-31</ModificationsTo>", good), "ModificationsTo"},
		"an open delta":        {"devices", listXML("<SequenceNumber>1</SequenceNumber><ModificationsFrom>2026-11-01</ModificationsFrom>", good), "ModificationsTo is missing"},
		"a bad code":           {"devices", listXML(fullHeader(1), good+productXML("000071200177", "Knee", "")), "line 10, element NotificationCode"},
		"no name":              {"devices", listXML(fullHeader(1), productXML(knee, "", "")), "line 5, element ProductName: is empty"},
		"an unknown element":   {"devices", listXML(fullHeader(1), productXML(knee, "Knee", "<Colour>red</Colour>")), `line 8: the element "Colour" is not known`},
		"an element twice":     {"devices", listXML(fullHeader(1), productXML(knee, "Knee", "<ProductName>Knee</ProductName>")), `line 8: the element "ProductName" stands there twice`},
		"an element inside":    {"devices", listXML(fullHeader(1), productXML(knee, "<b>Knee</b>", "")), `line 7: the element "ProductName" holds elements`},
		"an entry twice":       {"devices", listXML(fullHeader(1), good+good), "line 10: the same entry stands on line 5"},
		"tags that cross":      {"devices", listXML(fullHeader(1), "<Data><Name></Data></Name>"), "line 5: the entry that begins here is refused: XML_"},
		"a document type":      {"devices", "<!DOCTYPE List><List/>", "line 1: a document type is not read"},
		"text between":         {"devices", listXML(fullHeader(1), "text"), "line 5: there is text between the entries"},
		"CDATA between":        {"devices", listXML(fullHeader(1), "<![CDATA[text]]>"), "line 5: there is text between the entries"},
		"an unknown entry":     {"devices", listXML(fullHeader(1), "<Datum/>"), `line 5: the element "Datum" is not known`},
		"a wrong end":          {"devices", strings.Replace(listXML(fullHeader(1), good), "</List>", "</Lists>", 1), "line 11: the end tag is not the root's"},
		"CDATA before":         {"devices", "<![CDATA[text]]>" + listXML(fullHeader(1), good), "line 1: there is text before the root"},
		"CDATA after":          {"devices", listXML(fullHeader(1), good) + "<![CDATA[text]]>", "there is text after the root"},
		"two roots":            {"devices", listXML(fullHeader(1), good) + "<List/>", "there is a second root"},
		"cut off":              {"devices", strings.TrimSuffix(listXML(fullHeader(1), good), "</List>\n"), "ends too early"},
		"cut off in a comment": {"devices", listXML(fullHeader(1), good) + "<!-- ", "ends too early"},
		"an entry too long":    {"devices", listXML(fullHeader(1), productXML(knee, strings.Repeat("x", 1<<20), "")), "an entry is longer than"},
		"persons as XML":       {"persons", listXML(fullHeader(1), good), "persons come as CSV"},
		"Latin 1":              {"devices", strings.Replace(listXML(fullHeader(1), good), "UTF-8", "ISO-8859-1", 1), "XML_ENCODING"},
	} {
		t.Run(name, func(t *testing.T) {
			importFixture{t, i.db, i.Importer}.checkRejected(i.newExtract(c.kind, "", c.content), c.want)
		})
	}
}

func TestFullAndDelta(t *testing.T) {
	t.Parallel()
	forEachEngine(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		i := newImportFixture(t, b.Open(t))
		for _, kind := range operator.Kinds() {
			content, err := devdata.Files.ReadFile(kind + ".csv")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := i.Commit(t.Context(), i.newExtract(kind, "", string(content))); err != nil {
				t.Fatal(err)
			}
			if r, err := i.DryRun(t.Context(), i.newExtract(kind, "", string(content))); err != nil || r.Unchanged != r.Rows || r.New+r.Changed+r.Ended > 0 {
				t.Errorf("%s again: %+v, %v", kind, r, err)
			}
		}
		claes, leroy := people.Claes, people.Leroy
		const linkHeader = "patient_ssin;professional_ssin;type;valid_from;valid_to\n"
		i.checkImport(i.newExtract("therapeutic-links", operator.FormFull, linkHeader+"84061205236;85073003328;gmd;2021-01-01;2026-12-31\n"),
			"therapeutic-links, full of 2026-11-21: 1 read, 0 new, 1 changed, 0 unchanged, 1 ended\n"+
				`  SSIN(*36) SSIN(*28) gmd 2021-01-01: valid_to "" → "2026-12-31"`+"\n"+
				`  SSIN(*79) SSIN(*50) specialistconsultation 2020-01-01: valid_to "" → "2026-11-20"`+"\n")
		i.checkImport(i.newExtract("affiliations", operator.FormFull, "organisation_nihii;ssin;role;valid_from;valid_to\n71000436;78031412250;Specialist;2010-01-01;\n"),
			endedAffiliations(t, i))
		i.checkImport(i.newExtract("mandates", operator.FormFull, "grantor_ssin;grantee_ssin;service;valid_from;valid_to;accepted_on\n69092234126;91021706490;CTR;2024-01-01;2027-12-31;2024-01-03\n"),
			"mandates, full of 2026-11-21: 1 read, 0 new, 0 changed, 1 unchanged, 1 ended\n"+
				`  SSIN(*50) SSIN(*36) CTR 2025-01-01: valid_to "" → "2026-11-20"`+"\n")
		err := i.db.RunReadTx(t.Context(), func(r implants.Reader) error {
			links, failed := r.TherapeuticLinks(leroy, claes)
			if len(links) != 1 || links[0].To != people.MustDate("2026-11-20") {
				t.Errorf("links %v", links)
			}
			return failed
		})
		if err != nil {
			t.Fatal(err)
		}
		i.checkRejected(i.newExtract("persons", operator.FormFull, "ssin;first_name;last_name;birth_date;death_date\n"), "never full")
		i.checkRejected(i.newExtract("mandates", operator.FormFull, "grantor_ssin;grantee_ssin;service;valid_from;valid_to;accepted_on\n"), "would end everything")
		i.checkRejected(i.newExtract("surgeons", "", ""), "the kinds are")
		i.checkRejected(i.newExtract("persons", "", "ssin;first_name;last_name;birth_date;death_date\n48022907379;Jean;X;;\n48022907379;Jean;;;\n"), "line 3, column last_name: is empty")
		i.checkRejected(i.newExtract("persons", "", "ssin;first_name;last_name;birth_date;death_date\n48022907379;Jean;X;;\n48022907379;Jean;Y;;\n"), "line 3: the same entry stands on line 2")
		i.checkImport(i.newExtract("persons", "", "ssin;first_name;last_name;birth_date;death_date\n48022907379;Jeanne;Leroi;1948-02-29;\n"),
			"persons, delta of 2026-11-21: 1 read, 0 new, 1 changed, 0 unchanged, 0 ended\n  SSIN(*79): last_name changes\n")

		versions, err := i.db.SourceVersions(t.Context(), "mandates")
		if err != nil || len(versions) != 2 || versions[1].Format != operator.FormFull || versions[1].Rows != 1 || versions[1].Name != "mandates" || len(versions[1].Digest) != 32 {
			t.Errorf("versions %+v, %v", versions, err)
		}
		events, _, err := i.db.ReadEvents(t.Context(), 0, 100)
		if last := events[len(events)-1]; err != nil || last.Operation != operator.ActionImport || last.Signer != "operator=operator" ||
			last.Reason != "persons, delta of 2026-11-21: 1 read, 0 new, 1 changed, 0 unchanged, 0 ended" {
			t.Errorf("recorded %+v, %v", last, err)
		}
	})
}

// endedAffiliations returns the report of a full list with one affiliation: it ends the others of the development data,
// except those that an organisation granted itself.
func endedAffiliations(t *testing.T, i importFixture) string {
	t.Helper()
	var open []platform.Affiliation
	err := i.db.ReadSources(t.Context(), func(r implants.SourceReader) (err error) {
		open, err = r.UnexpiredAffiliations(people.MustDate("2026-11-21"))
		return err
	})
	if err != nil || len(open) < 3 {
		t.Fatal(open, err)
	}
	lines := fmt.Sprintf("affiliations, full of 2026-11-21: 1 read, 0 new, 0 changed, 1 unchanged, %d ended\n", len(open)-1)
	for _, a := range open {
		if a.Role == platform.RoleAdministrative || a.Role == platform.RoleManager {
			t.Errorf("%v is no entry of the source alone", a)
		}
		if a.SSIN != people.Claes {
			lines += fmt.Sprintf("  %s %s %s %s: valid_to %q → \"2026-11-20\"\n", a.Organisation.Digits(), a.SSIN, a.Role, a.From, a.To.String())
		}
	}
	return lines
}

// Both a replaced number and its replacement find the person's notifications and implants.
func TestReplacedNumber(t *testing.T) {
	t.Parallel()
	forEachEngine(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		i := newImportFixture(t, b.Open(t))
		var all implants.SourceEntries
		for _, kind := range operator.Kinds() {
			file, err := devdata.Files.Open(kind + ".csv")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := operator.ReadCSV(kind, file, &all); err != nil {
				t.Fatal(err)
			}
		}
		if err := i.db.LoadSources(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		mark := 0
		now := func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }
		ids := 0
		r := implants.New(implants.Config{Store: i.db, Now: now, Location: time.UTC, NewID: func() string { ids++; return fmt.Sprintf("id-%06d", ids) }})
		claes, former, newer := people.Claes, people.Leroy, people.MustSSIN("05041801691")
		caller := func() platform.Caller {
			mark++
			m := platform.SignedMessage{Correlation: fmt.Sprint(mark), Operation: "Operation", ReceivedAt: now(), Signer: platform.Signer{Type: "SSIN", ID: claes.Digits()},
				ReplayKey: platform.ReplayKey{ExpiresAt: now().Add(time.Minute), Hash: [32]byte{byte(mark)}}, Digest: [32]byte{byte(mark)}}
			c, err := r.Identify(t.Context(), m, nil)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		place := func(patient ident.SSIN) {
			t.Helper()
			_, err := r.NotifyImplant(t.Context(), caller(), implants.SubmissionOptions{}, implants.Implantation{
				Specialist: platform.ProfessionalRef{SSIN: claes}, SurgeryDate: people.MustDate("2026-11-20"), Patient: patient,
				Prescriber: platform.ProfessionalRef{SSIN: claes}, PrescriptionDate: people.MustDate("2026-11-02"),
				Implants: []implants.NotifiedImplant{{Code: people.MustCode(knee), Quantity: 1}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		place(former)
		content := "replaces;ssin;first_name;last_name;birth_date;death_date\n48022907379;05041801691;Minh;Nguyen;2005-04-18;\n"
		i.checkImport(i.newExtract("persons", "", content), "persons, delta of 2026-11-21: 1 read, 0 new, 1 changed, 0 unchanged, 0 ended\n  SSIN(*91): replaces changes\n")
		place(newer)
		place(former)
		for _, number := range []ident.SSIN{former, newer} {
			found, err := r.Search(t.Context(), caller(), implants.SearchRequest{Page: platform.Page{Limit: 10}, Patient: number})
			if err != nil || found.Total != 3 {
				t.Errorf("%s finds %d: %v", number, found.Total, err)
			}
			carried, err := r.ListPatientImplants(t.Context(), caller(), implants.ListImplantsRequest{Page: platform.Page{Limit: 10}, Patient: number})
			if err != nil || carried.Total != 3 {
				t.Errorf("%s has %d implants: %v", number, carried.Total, err)
			}
		}
		i.checkImport(i.newExtract("persons", "", content), "persons, delta of 2026-11-21: 1 read, 0 new, 0 changed, 1 unchanged, 0 ended\n")
		i.checkImport(i.newExtract("therapeutic-links", "", "patient_ssin;professional_ssin;type;valid_from;valid_to\n48022907379;78031412250;specialistconsultation;2020-01-01;\n"),
			"therapeutic-links, delta of 2026-11-21: 1 read, 0 new, 0 changed, 1 unchanged, 0 ended\n")
		i.checkRejected(i.newExtract("persons", "", "replaces;ssin;first_name;last_name;birth_date;death_date\n05041801691;05041801691;J;L;;\n"), "column replaces: is the same number")
	})
}

// An import fails, and leaves no staged rows, if another import commits between its comparison and its changes.
func TestAnotherImportBetween(t *testing.T) {
	t.Parallel()
	forEachEngine(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		i := newImportFixture(t, b.Open(t))
		raw := b.OpenRaw(t)
		content := listXML(fullHeader(1), productXML(knee, "Knee", "<UDIDI>05410000001047</UDIDI>"))
		x := i.newExtract("devices", "", content)
		opened := 0
		between := x
		between.Open = func() (io.ReadCloser, error) {
			if opened++; opened == 2 {
				if _, err := i.Commit(context.WithoutCancel(t.Context()), x); err != nil {
					return nil, err
				}
			}
			return x.Open()
		}
		if _, err := i.Commit(t.Context(), between); err == nil || !strings.Contains(err.Error(), "run it again") {
			t.Errorf("%v", err)
		}
		err := i.db.Import(t.Context(), implants.Import{SourceVersion: platform.SourceVersion{Kind: "devices", LoadedAt: time.Now()}, ComparedWith: 9,
			ForEachBatch: func(handle func(implants.SourceEntries) error) error {
				return handle(implants.SourceEntries{Devices: []implants.Device{i.findDevice(knee)}})
			}})
		if !errors.Is(err, platform.ErrSourcesChanged) {
			t.Errorf("%v", err)
		}
		var left int
		if err := raw.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM device_staged) + (SELECT COUNT(*) FROM device_udi_staged)`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d rows are left staged, %v", left, err)
		}
		if versions, err := i.db.SourceVersions(t.Context(), ""); err != nil || len(versions) != 1 {
			t.Errorf("%v, %v", versions, err)
		}
		for _, statement := range []string{`UPDATE source_version SET row_count = 0`, `DELETE FROM source_version`} {
			if _, err := raw.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}
