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

// readDevelopmentData reads the development data that a development service imports.
func readDevelopmentData() (developmentData, error) {
	var w developmentData
	files := map[string][]map[string]string{}
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
		row := person{SSIN: p["ssin"], Name: p["first_name"] + " " + p["last_name"], Dead: p["death_date"] != ""}
		for _, professional := range files["professionals"] {
			if professional["ssin"] == row.SSIN && professional["valid_to"] == "" {
				row.NIHII = professional["nihii"]
				row.Roles = append(row.Roles, professional["profession"])
			}
		}
		for _, a := range files["affiliations"] {
			if a["ssin"] != row.SSIN || a["valid_to"] != "" {
				continue
			}
			row.Works = append(row.Works, names[a["organisation_nihii"]])
			if row.NIHII == "" {
				row.Roles = append(row.Roles, a["role"])
			}
		}
		w.People = append(w.People, row)
	}
	for _, d := range files["devices"] {
		w.Devices = append(w.Devices, device{d["notification_code"], d["name"], d["manufacturer"], d["udi_di"], d["status"]})
	}
	return w, nil
}

func readCSV(kind string) ([]map[string]string, error) {
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
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}
