package registertest

import (
	"os"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/testing/people"
)

// PermissionCell is a cell of the tables in docs/permissions.md: what a caller gets for an action.
type PermissionCell struct{ Who, Action, Want string }

// ReadPermissions returns the cells of the document in a file.
func ReadPermissions(tb testing.TB, file string) []PermissionCell {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var all []PermissionCell
	var columns []string
	for line := range strings.SplitSeq(string(data), "\n") {
		row, ok := strings.CutPrefix(line, "| ")
		cells := strings.Split(strings.TrimSuffix(row, " |"), " | ")
		switch {
		case !ok:
			columns = nil
		case cells[0] == "who":
			columns = cells
		case columns != nil && !strings.HasPrefix(cells[0], "---"):
			for i, want := range cells[1:] {
				all = append(all, PermissionCell{cells[0], columns[i+1], strings.Trim(want, "`")})
			}
		}
	}
	return all
}

// PermissionSources returns what the scene of docs/permissions.md adds to the development data.
func PermissionSources() implants.SourceEntries {
	const today, yesterday = "2026-11-21", "2026-11-20"
	period := func(from, to string) platform.Period {
		return platform.Period{From: people.MustDate(from), To: people.MustDate(to)}
	}
	return implants.SourceEntries{
		Links: []platform.TherapeuticLink{
			{Patient: people.Smit, Professional: people.Peeters, Type: "gmd", Period: period("2020-01-01", today)}, // ends today
			{Patient: people.Smit, Professional: people.Lambert, Type: "specialistconsultation", Period: period("2020-01-01", yesterday)},
		},
		Affiliations: []platform.Affiliation{
			{Organisation: people.Hospital, SSIN: people.Lambert, Role: "Specialist", Period: period(today, "")},
			{Organisation: people.Hospital, SSIN: people.Peeters, Role: platform.RoleAdministrative, Period: period("2020-01-01", "")},
			{Organisation: people.Hospital, SSIN: people.Leroy, Role: platform.RoleManager, Period: period("2020-01-01", today)}, // ends today
			{Organisation: people.Clinic, SSIN: people.Nguyen, Role: platform.RoleAdministrative, Period: period("2020-01-01", "")},
			{Organisation: people.Hospital, SSIN: people.VanDam, Role: platform.RoleManager, Period: period("2020-01-01", yesterday)},
		},
		Mandates: []platform.Mandate{
			{Grantor: people.Claes, Grantee: people.Lambert, Service: "CTR", AcceptedOn: people.MustDate(yesterday), Period: period("2020-01-01", "")},
			{Grantor: people.Claes, Grantee: people.Nguyen, Service: "CTR", AcceptedOn: people.MustDate(yesterday), Period: period("2020-01-01", "")},
		},
	}
}
