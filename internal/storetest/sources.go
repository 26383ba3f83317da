package storetest

import (
	"reflect"
	"testing"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

func sources() store.SourceEntries {
	return store.SourceEntries{
		Persons: []register.Person{
			{SSIN: claes, FirstName: "Anna", LastName: "Claes", BirthDate: day("1978-03-14")},
			{SSIN: leroy, FirstName: "Jean", LastName: "Leroy", BirthDate: day("1948-02-29"), DeathDate: day("2024-11-02")},
		},
		Practices: []register.Practice{
			{SSIN: claes, NIHII: claesNIHII, Profession: register.Physician, Speciality: "Orthopaedic surgery", Period: period("2005-07-01", "")},
			{SSIN: dubois, NIHII: duboisNIHII, Profession: register.Physician, Speciality: "Internal medicine", Period: period("1990-01-01", "1996-08-31")},
			{SSIN: dubois, NIHII: duboisNIHII, Profession: register.Physician, Speciality: "Cardiology", Period: period("1996-09-01", "")},
		},
		Organisations: []register.Organisation{
			{NIHII: hospital, CBE: must(ident.ParseCBE, "0403227020"), Type: "Hospital", Name: "Ziekenhuis Sint-Elooi"},
			{CBE: must(ident.ParseCBE, "0812345603"), Type: "Pharmacy", Name: "Apotheek"},
		},
		Affiliations: []register.Affiliation{
			{Organisation: hospital, SSIN: claes, Role: "Specialist", Period: period("2010-01-01", "")},
			{Organisation: hospital, SSIN: dubois, Role: "Specialist", Period: period("2012-03-01", "2023-12-31")},
			{Organisation: pharmacy, SSIN: dubois, Role: register.RoleTitularPharmacist, Period: period("2013-01-01", "")},
		},
		Mandates: []register.Mandate{
			{Grantor: dubois, Grantee: claes, Service: "CTR", AcceptedOn: day("2024-01-03"), Period: period("2024-01-01", "2027-12-31")},
		},
		Links: []register.TherapeuticLink{
			{Patient: leroy, Professional: peeters, Type: "gpconsultation", Period: period("2019-01-01", "2022-12-31")},
			{Patient: leroy, Professional: peeters, Type: "gpconsultation", Period: period("2025-01-01", "")},
		},
		Devices: []register.Device{kneeDevice(), meshDevice()},
	}
}

func kneeDevice() register.Device {
	return register.Device{Code: knee, Name: "Total knee", Reference: "TK-1", Manufacturer: "Meridian", Distributor: "Alma",
		Classification: "C.10.02.01.02", Category: "Orthopaedic", UDIDIs: []string{"05410000001047", "05410000000125"},
		Status: register.DeviceRecalled, ValidFrom: day("2014-05-01")}
}

func meshDevice() register.Device {
	return register.Device{Code: mesh, Name: "Mesh", Reference: "FS", Manufacturer: "Meridian", Distributor: "Meridian",
		UDIDIs: []string{"05410000000125"}, Status: register.DeviceActive, ValidFrom: day("2014-05-01"), DeletedOn: day("2025-01-01")}
}

func load(t testing.TB, db *store.DB, all store.SourceEntries) {
	t.Helper()
	if err := db.LoadSources(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func testSources(t *testing.T, b Backend) {
	db := b.Open(t)
	all := sources()
	load(t, db, all)
	read(t, db, func(r register.Reader) error {
		person, there, err := r.Person(leroy)
		check(t, "person", person, all.Persons[1], there, true, err)
		person, there, err = r.Person(vanDam)
		check(t, "no person", person, register.Person{}, there, false, err)

		practices, err := r.Practices(register.ProfessionalRef{SSIN: dubois})
		check(t, "practices by SSIN", practices, all.Practices[1:], true, true, err)
		practices, err = r.Practices(register.ProfessionalRef{NIHII: nihii(duboisNIHII.Digits()[:8])})
		check(t, "practices by NIHII", practices, all.Practices[1:], true, true, err)
		practices, err = r.Practices(register.ProfessionalRef{SSIN: leroy, NIHII: duboisNIHII})
		check(t, "no practices", len(practices), 0, true, true, err)
		practices, err = r.Practices(register.ProfessionalRef{})
		check(t, "practices of nobody", len(practices), 0, true, true, err)

		organisation, there, err := r.Organisation(register.PharmacyRef{NIHII: hospital})
		check(t, "organisation by NIHII", organisation, all.Organisations[0], there, true, err)
		organisation, there, err = r.Organisation(register.PharmacyRef{CBE: all.Organisations[1].CBE})
		check(t, "organisation by CBE", organisation, all.Organisations[1], there, true, err)
		organisation, there, err = r.Organisation(register.PharmacyRef{NIHII: pharmacy})
		check(t, "no organisation", organisation, register.Organisation{}, there, false, err)
		organisation, there, err = r.Organisation(register.PharmacyRef{})
		check(t, "organisation without a number", organisation, register.Organisation{}, there, false, err)

		affiliations, err := r.Affiliations(hospital, dubois)
		check(t, "affiliations to one", affiliations, all.Affiliations[1:2], true, true, err)
		affiliations, err = r.Affiliations(ident.NIHII{}, dubois)
		check(t, "affiliations to any", affiliations, all.Affiliations[1:], true, true, err)
		affiliations, err = r.Affiliations(hospital, leroy)
		check(t, "no affiliations", len(affiliations), 0, true, true, err)

		links, err := r.TherapeuticLinks(leroy, peeters)
		check(t, "links", links, all.Links, true, true, err)
		links, err = r.TherapeuticLinks(peeters, leroy)
		check(t, "no links", len(links), 0, true, true, err)

		device, there, err := r.DeviceByCode(knee)
		check(t, "device by code", device, kneeDevice(), there, true, err)
		device, there, err = r.DeviceByCode(code("000060479302"))
		check(t, "no device by code", device, register.Device{}, there, false, err)
		device, there, err = r.DeviceByDI("05410000001047")
		check(t, "device by DI", device, kneeDevice(), there, true, err)
		device, there, err = r.DeviceByDI("05410000000125")
		check(t, "device by DI of two, one of them active", device, meshDevice(), there, true, err)
		device, there, err = r.DeviceByDI("")
		check(t, "no device by DI", device, register.Device{}, there, false, err)
		return nil
	})
}

func check(t testing.TB, name string, got, want any, there, wantThere bool, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if there != wantThere {
		t.Errorf("%s: found %v", name, there)
	}
	equal(t, name, got, want)
}

func testLoadReplaces(t *testing.T, b Backend) {
	db := b.Open(t)
	load(t, db, sources())
	operation := register.TherapeuticLink{Patient: leroy, Professional: claes, Type: register.LinkTypeSurgery, Period: period("2026-11-20", "")}
	write(t, db, func(w register.Writer) error { return w.AddTherapeuticLink(operation) })

	again := sources()
	again.Persons[0].LastName = "Claes-Peeters"
	again.Persons[0].DeathDate = day("2026-01-01")
	again.Practices[2].To = day("2026-06-30")
	again.Organisations[0].Name = "Sint-Elooi"
	again.Affiliations[0].To = day("2026-06-30")
	again.Mandates[0].To = day("2026-06-30")
	again.Links[1].To = day("2026-06-30")
	again.Devices[0].UDIDIs = []string{"05410000000293"}
	again.Devices[0].Status = register.DeviceDeleted
	load(t, db, again)

	read(t, db, func(r register.Reader) error {
		person, there, err := r.Person(claes)
		check(t, "person", person, again.Persons[0], there, true, err)
		practices, err := r.Practices(register.ProfessionalRef{SSIN: dubois})
		check(t, "practices", practices, again.Practices[1:], true, true, err)
		organisation, there, err := r.Organisation(register.PharmacyRef{CBE: again.Organisations[0].CBE})
		check(t, "organisation", organisation, again.Organisations[0], there, true, err)
		affiliations, err := r.Affiliations(hospital, claes)
		check(t, "affiliations", affiliations, again.Affiliations[:1], true, true, err)
		links, err := r.TherapeuticLinks(leroy, peeters)
		check(t, "links", links, again.Links, true, true, err)
		links, err = r.TherapeuticLinks(leroy, claes)
		check(t, "link of an operation", links, []register.TherapeuticLink{operation}, true, true, err)
		_, there, err = r.DeviceByDI("05410000001047")
		check(t, "former DI", nil, nil, there, false, err)
		device, there, err := r.DeviceByDI("05410000000293")
		check(t, "new DI", device, again.Devices[0], there, true, err)
		return nil
	})
}

func testLoadAllOrNothing(t *testing.T, b Backend) {
	db := b.Open(t)
	raw := b.Raw(t)
	if _, err := raw.ExecContext(t.Context(), `DROP TABLE device_udi`); err != nil {
		t.Fatal(err)
	}
	if err := db.LoadSources(t.Context(), sources()); err == nil {
		t.Error("loaded into a table that is not there")
	}
	empty, err := db.IsEmpty(t.Context())
	check(t, "empty", empty, true, true, true, err)
}

// testLoadNodes checks that entries loaded by one node are visible in the next transaction of every other node,
// whatever that node has cached, and that a transaction that began before does not see them.
func testLoadNodes(t *testing.T, b Backend) {
	one, other := b.Open(t), b.Open(t)
	named := func(name string) store.SourceEntries {
		device := kneeDevice()
		device.Name = name
		return store.SourceEntries{Devices: []register.Device{device}}
	}
	sees := func(when string, r register.Reader, name string) {
		t.Helper()
		for range 2 {
			device, there, err := r.DeviceByCode(knee)
			check(t, when, device.Name, name, there, name != "", err)
			byDI, there, err := r.DeviceByDI(kneeDevice().UDIDIs[0])
			check(t, when+", by device identifier", byDI.Name, name, there, name != "", err)
			practices, err := r.Practices(register.ProfessionalRef{SSIN: claes})
			check(t, when+", practices", len(practices), 0, true, true, err)
		}
	}
	nodes := []*store.DB{one, other}
	for _, db := range nodes {
		read(t, db, func(r register.Reader) error { sees("at first", r, ""); return nil })
	}
	before := ""
	for i, name := range []string{"first", "second", "third"} {
		read(t, nodes[i%2], func(r register.Reader) error {
			sees("before the load", r, before)
			load(t, other, named(name))
			sees("begun before the load", r, before)
			// A concurrent transaction with another snapshot must not change what this one reads from the cache.
			read(t, nodes[i%2], func(later register.Reader) error { sees("meanwhile", later, name); return nil })
			sees("still begun before the load", r, before)
			return nil
		})
		for _, db := range nodes {
			read(t, db, func(r register.Reader) error { sees("after the load", r, name); return nil })
		}
		before = name
	}
}

func testEmpty(t *testing.T, b Backend) {
	db := b.Open(t)
	empty, err := db.IsEmpty(t.Context())
	check(t, "new", empty, true, true, true, err)
	load(t, db, store.SourceEntries{Devices: []register.Device{kneeDevice()}})
	empty, err = db.IsEmpty(t.Context())
	check(t, "loaded", empty, false, true, true, err)
}

func testLink(t *testing.T, b Backend) {
	db := b.Open(t)
	link := register.TherapeuticLink{Patient: leroy, Professional: claes, Type: register.LinkTypeSurgery, Period: period("2026-11-20", "")}
	for range 2 {
		write(t, db, func(w register.Writer) error { return w.AddTherapeuticLink(link) })
	}
	write(t, db, func(w register.Writer) error {
		if err := w.AddTherapeuticLink(link); err != nil {
			return err
		}
		return w.AddTherapeuticLink(link)
	})
	later := link
	later.From = day("2026-11-21")
	write(t, db, func(w register.Writer) error { return w.AddTherapeuticLink(later) })
	read(t, db, func(r register.Reader) error {
		links, err := r.TherapeuticLinks(leroy, claes)
		check(t, "links", links, []register.TherapeuticLink{link, later}, true, true, err)
		return nil
	})
}

func testMandates(t *testing.T, b Backend) {
	db := b.Open(t)
	mandates := []register.Mandate{
		{Grantor: dubois, Grantee: claes, Service: "CTR", AcceptedOn: day("2024-01-03"), Period: period("2024-01-01", "2027-12-31")},
		{Grantor: peeters, Grantee: claes, Service: "CTR", Period: period("2025-01-01", "")},
		{Grantor: dubois, Grantee: peeters, Service: "CTR", AcceptedOn: day("2026-01-01"), Period: period("2026-01-01", "2026-06-30")},
	}
	load(t, db, store.SourceEntries{Mandates: mandates})
	read(t, db, func(r register.Reader) error {
		got, err := r.MandatesByGrantee(claes)
		check(t, "to one", got, mandates[:2], true, true, err)
		got, err = r.MandatesByGrantor(dubois)
		check(t, "from one", got, []register.Mandate{mandates[0], mandates[2]}, true, true, err)
		got, err = r.MandatesByGrantee(dubois)
		check(t, "to nobody", len(got), 0, true, true, err)
		got, err = r.MandatesByGrantor(claes)
		check(t, "from nobody", len(got), 0, true, true, err)
		return nil
	})
}

func testSearchDevices(t *testing.T, b Backend) {
	db := b.Open(t)
	device := func(c, name, reference, manufacturer, distributor, category string, dis ...string) register.Device {
		return register.Device{Code: code(c), Name: name, Reference: reference, Manufacturer: manufacturer, Distributor: distributor,
			Category: category, UDIDIs: dis, Status: register.DeviceActive, ValidFrom: day("2014-05-01")}
	}
	all := []register.Device{
		device("000060479203", "Hernia Mesh 100%", "HM-100_A", "Weaver", "Invented Distribution", "Mesh", "05410000000125"),
		device("000060479302", "Prothèse ÉTOILE", "PE\\1", "Weaver", "Étoile Distribution", "Hip", "05410000000125", "05410000000293"),
		device("000071200176", "Total Knee", "TK 1000", "Joiner", "Invented Distribution", "Knee"),
	}
	load(t, db, store.SourceEntries{Devices: all})
	tests := []struct {
		name  string
		q     register.DeviceQuery
		want  []int
		total int
	}{
		{"everything", register.DeviceQuery{Limit: 10}, []int{0, 1, 2}, 3},
		{"first page", register.DeviceQuery{Limit: 2}, []int{0, 1}, 3},
		{"last page", register.DeviceQuery{Offset: 2, Limit: 2}, []int{2}, 3},
		{"beyond the last page", register.DeviceQuery{Offset: 3, Limit: 2}, nil, 3},
		{"name", register.DeviceQuery{Text: "knee", Limit: 10}, []int{2}, 1},
		{"within a word", register.DeviceQuery{Text: "ERNI", Limit: 10}, []int{0}, 1},
		{"reference", register.DeviceQuery{Text: "hm-100", Limit: 10}, []int{0}, 1},
		{"manufacturer", register.DeviceQuery{Text: "weaver", Limit: 10}, []int{0, 1}, 2},
		{"distributor", register.DeviceQuery{Text: "invented", Limit: 10}, []int{0, 2}, 2},
		{"words of several parts", register.DeviceQuery{Text: " 1000\tjoiner ", Limit: 10}, []int{2}, 1},
		{"one word that is not there", register.DeviceQuery{Text: "joiner mesh", Limit: 10}, nil, 0},
		{"capitals beyond ASCII", register.DeviceQuery{Text: "étoile PROTHÈSE", Limit: 10}, []int{1}, 1},
		{"a percent sign", register.DeviceQuery{Text: "100%", Limit: 10}, []int{0}, 1},
		{"no wildcard of any length", register.DeviceQuery{Text: "T%K", Limit: 10}, nil, 0},
		{"an underscore", register.DeviceQuery{Text: "0_a", Limit: 10}, []int{0}, 1},
		{"no wildcard of one character", register.DeviceQuery{Text: "K_ee", Limit: 10}, nil, 0},
		{"a backslash", register.DeviceQuery{Text: `pe\1`, Limit: 10}, []int{1}, 1},
		{"a quote", register.DeviceQuery{Text: `'`, Limit: 10}, nil, 0},
		{"code", register.DeviceQuery{Code: mesh, Limit: 10}, []int{0}, 1},
		{"code and another word", register.DeviceQuery{Code: mesh, Text: "knee", Limit: 10}, nil, 0},
		{"device identifier of two", register.DeviceQuery{DI: "05410000000125", Limit: 10}, []int{0, 1}, 2},
		{"device identifier and word", register.DeviceQuery{DI: "05410000000125", Text: "mesh", Limit: 10}, []int{0}, 1},
		{"unknown device identifier", register.DeviceQuery{DI: "1", Limit: 10}, nil, 0},
		{"category", register.DeviceQuery{Category: "Hip", Limit: 10}, []int{1}, 1},
		{"part of a category", register.DeviceQuery{Category: "Hi", Limit: 10}, nil, 0},
	}
	for _, test := range tests {
		var want []register.Device
		for _, i := range test.want {
			want = append(want, all[i])
		}
		read(t, db, func(r register.Reader) error {
			got, total, err := r.SearchDevices(test.q)
			check(t, test.name, got, want, true, true, err)
			equal(t, test.name+", in all", total, test.total)
			return nil
		})
	}
}
