package admin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// listNamespace is the XML namespace of the device lists that RIZIV/INAMI publishes.
const listNamespace = "http://www.riziv.fgov.be/xsd/cti/201411"

// listHeader is the header of the published list.
type header struct {
	sequence int64
	from, to ident.Date // period of the modifications in a delta; a full list has only the end
}

func (h header) delta() bool { return !h.from.IsZero() }

// columnByElement maps the elements of an entry to columns. Elements with an empty column are allowed and ignored.
var elements = map[string]string{
	"NotificationCode": "notification_code", "ProductName": "name", "ProductReference": "reference", "Manufacturer": "manufacturer",
	"Distributor": "distributor", "ClassificationCode": "classification", "PublicationDate": "valid_from", "DeletedOn": "deleted_on",
	"RecalledOn": "recalled_on", "UDIDI": "udi_di", "Category": "category",

	"IndicativePrice": "", "ListDivision": "", "ReimbursementCategory": "", "NomenclatureHosp": "", "NomenclatureAmb": "",
	"DescriptionNL": "", "DescriptionFR": "", "ValidFrom": "", "ValidTo": "", "NotificationZone55": "", "IdentificationZone43": "",
	"Qermid": "", "NominativeLists": "", "ReimbursementConditions": "", "Forms": "",
}

var columnElements = func() map[string]string {
	names := make(map[string]string, len(elements))
	for name, column := range elements {
		if column != "" {
			names[column] = name
		}
	}
	return names
}()

func recordLimits() xmldoc.Limits {
	l := xmldoc.DefaultLimits()
	l.Bytes, l.Depth, l.Nodes, l.Instructions = 2*maxRecord, 20, 10_000, 10
	return l
}

// readDeviceList passes the header of the published list to handleHeader, then the devices to handle, chunk by chunk.
func readList(in *bufio.Reader, errs *faults, handleHeader func(header) error, handle func(*chunk) error) error {
	s, err := newSplitter(in)
	if err != nil {
		return err
	}
	c := &chunk{listed: true}
	for first := true; ; first = false {
		var entry record
		entry, err = nextRecord(s)
		switch {
		case errors.Is(err, io.EOF) && first:
			return errors.New("the list has no Header")
		case errors.Is(err, io.EOF):
			if len(c.lines) == 0 {
				return nil
			}
			return handle(c)
		case err != nil:
			return err
		}
		if first {
			var h header
			if h, err = entry.header(); err == nil {
				err = handleHeader(h)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err = entry.device(errs, c); err != nil {
			return err
		}
		if len(c.lines) == chunkSize {
			if err = handle(c); err != nil {
				return err
			}
			c = &chunk{listed: true}
		}
	}
}

// listRecord is a child of the list's root.
type record struct {
	xmldoc.Element
	begins, line int
}

func nextRecord(s *splitter) (record, error) {
	document, begins, line, err := s.next()
	if err != nil {
		return record{}, err
	}
	parsed, err := xmldoc.Parse(document, recordLimits())
	if err != nil {
		return record{}, fmt.Errorf("line %d: the entry that begins here is refused: %s", line, problem.From(err).Code)
	}
	r := record{parsed.Root().FirstChild(), begins, line}
	if r.Space() != listNamespace || parsed.Root().Space() != listNamespace {
		return record{}, fmt.Errorf("line %d: the list is not of the namespace %s", line, listNamespace)
	}
	return r, nil
}

// lineOfElement returns the line of an element in the file.
func (r record) lineOf(e xmldoc.Element) int {
	start, _ := e.Offset()
	return r.line + strings.Count(e.Document().Source()[r.begins:start], "\n")
}

// readFields returns the texts of the children by column. Repeated device identifiers are joined with spaces.
func (r record) fields(columns map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for e := range r.Children() {
		column, published := columns[e.Local()]
		if !published || e.Space() != listNamespace {
			return nil, fmt.Errorf("line %d: the element %q is not known here", r.lineOf(e), e.Local())
		}
		if column == "" {
			continue
		}
		text, plain := e.Text()
		before, duplicate := values[column]
		switch {
		case !plain:
			return nil, fmt.Errorf("line %d: the element %q holds elements", r.lineOf(e), e.Local())
		case duplicate && column != "udi_di":
			return nil, fmt.Errorf("line %d: the element %q stands there twice", r.lineOf(e), e.Local())
		case duplicate:
			text = before + " " + text
		}
		values[column] = text
	}
	return values, nil
}

func (r record) header() (header, error) {
	var h header
	if r.Local() != "Header" {
		return h, fmt.Errorf("line %d: the list begins with %q, not with its Header", r.line, r.Local())
	}
	values, err := r.fields(map[string]string{"SequenceNumber": "SequenceNumber", "ModificationsFrom": "ModificationsFrom",
		"ModificationsTo": "ModificationsTo"})
	if err != nil {
		return h, err
	}
	if h.sequence, err = strconv.ParseInt(strings.TrimSpace(values["SequenceNumber"]), 10, 64); err != nil || h.sequence < 1 {
		return h, fmt.Errorf("line %d: the SequenceNumber is no number from 1 on", r.line)
	}
	for name, into := range map[string]*ident.Date{"ModificationsFrom": &h.from, "ModificationsTo": &h.to} {
		text := strings.TrimSpace(values[name])
		if text == "" {
			continue
		}
		if *into, err = ident.ParseDate(text); err != nil {
			return h, fmt.Errorf("line %d: %s: %s", r.line, name, problem.From(err).Detail)
		}
	}
	if h.delta() && (h.to.IsZero() || h.to.Before(h.from)) {
		return h, fmt.Errorf("line %d: ModificationsTo is missing, or before ModificationsFrom", r.line)
	}
	return h, nil
}

// appendDevice appends an entry of the list to a chunk.
func (r record) device(errs *faults, c *chunk) error {
	if r.Local() != "Data" {
		return fmt.Errorf("line %d: the element %q is not known here", r.line, r.Local())
	}
	values, err := r.fields(elements)
	if err != nil {
		return err
	}
	values["status"] = string(register.DeviceActive)
	switch {
	case strings.TrimSpace(values["recalled_on"]) != "":
		values["status"] = string(register.DeviceRecalled)
	case strings.TrimSpace(values["deleted_on"]) != "":
		values["status"] = string(register.DeviceDeleted)
	}
	l := &line{raw: func(column string) string { return values[column] }, number: r.line, place: "element", names: columnElements, faults: errs}
	addDevice(l, &c.entries)
	c.lines = append(c.lines, r.line)
	return nil
}
