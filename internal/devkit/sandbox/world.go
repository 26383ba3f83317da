package sandbox

import (
	"encoding/csv"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/devkit/devdata"
)

// developmentData holds the persons, organisations and devices of the development data, as the start page shows them.
type developmentData struct {
	People        []person
	Organisations []organisation
	Devices       []device
}

type person struct {
	SSIN, Name, NIHII string
	Roles             []string // as named by the authentic sources
	Works             []string // names of organisations with a current affiliation
	Dead              bool
}

type organisation struct{ NIHII, CBE, Type, Name string }

type device struct{ Code, Name, Manufacturer, Device, Status string }

// csvRow has the values of a row by column.
type csvRow map[string]string

// readDevelopmentData reads the development data that a development service imports.
func readDevelopmentData() (developmentData, error) {
	var w developmentData
	files := map[string][]csvRow{}
	for _, kind := range []string{"persons", "professionals", "organisations", "affiliations", "devices"} {
		rows, err := readCSV(kind)
		if err != nil {
			return w, err
		}
		files[kind] = rows
	}
	names := map[string]string{}
	for _, o := range files["organisations"] {
		names[o["nihii"]] = o["name"]
		w.Organisations = append(w.Organisations, organisation{o["nihii"], o["cbe"], o["type"], o["name"]})
	}
	for _, p := range files["persons"] {
		professions := currentRows(files["professionals"], p["ssin"])
		affiliations := currentRows(files["affiliations"], p["ssin"])
		w.People = append(w.People, newPerson(p, professions, affiliations, names))
	}
	for _, d := range files["devices"] {
		w.Devices = append(w.Devices, device{d["notification_code"], d["name"], d["manufacturer"], d["udi_di"], d["status"]})
	}
	return w, nil
}

// newPerson takes the roles from the professions or, for a person without a NIHII number, from the affiliations.
func newPerson(p csvRow, professions, affiliations []csvRow, organisationNames map[string]string) person {
	row := person{SSIN: p["ssin"], Name: p["first_name"] + " " + p["last_name"], Dead: p["death_date"] != ""}
	for _, profession := range professions {
		row.NIHII = profession["nihii"]
		row.Roles = append(row.Roles, profession["profession"])
	}
	for _, a := range affiliations {
		row.Works = append(row.Works, organisationNames[a["organisation_nihii"]])
		if row.NIHII == "" {
			row.Roles = append(row.Roles, a["role"])
		}
	}
	return row
}

// currentRows returns the rows of a person that have no end date.
func currentRows(rows []csvRow, ssin string) []csvRow {
	var current []csvRow
	for _, row := range rows {
		if row["ssin"] == ssin && row["valid_to"] == "" {
			current = append(current, row)
		}
	}
	return current
}

func readCSV(kind string) ([]csvRow, error) {
	data, err := devdata.Files.ReadFile(kind + ".csv")
	if err != nil {
		return nil, fmt.Errorf("development data: %w", err)
	}
	reader := csv.NewReader(strings.NewReader(string(data)))
	reader.Comma = ';'
	lines, err := reader.ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, fmt.Errorf("development data, %s: %w", kind, err)
	}
	var rows []csvRow
	for _, line := range lines[1:] {
		row := csvRow{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}
