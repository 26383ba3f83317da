package udi

import "strconv"

// TableRow is a row of the table of application identifiers, for the tests.
type TableRow struct {
	First, Last, Format, Title string
	IsPredefined               bool
}

// TableOfIdentifiers returns the table of application identifiers.
func TableOfIdentifiers() []TableRow {
	var rows []TableRow
	for _, row := range applicationIdentifiers {
		rows = append(rows, TableRow{row.first, row.last, row.format, row.title, predefinedLength(row.first) > 0})
	}
	return rows
}

// StructuresOfISBT returns the data identifier, the length and the title of each structure.
func StructuresOfISBT() []TableRow {
	var rows []TableRow
	for _, structure := range isbtStructures {
		length := strconv.Itoa(structure.length)
		rows = append(rows, TableRow{First: structure.identifier, Format: length, Title: structure.title})
	}
	return rows
}
