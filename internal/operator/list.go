package operator

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/operator/xmlrecords"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// listNamespace is the XML namespace of the device lists that RIZIV/INAMI publishes.
const listNamespace = "http://www.riziv.fgov.be/xsd/cti/201411"

// listHeader is the header of the XML form.
type listHeader struct {
	sequence                 int64
	modifiedFrom, modifiedTo ident.Date // period of the modifications in a delta; a full list has only the end
}

func (h listHeader) isDelta() bool { return !h.modifiedFrom.IsZero() }

// columnByElement maps the elements of an entry to columns. Elements with an empty column are allowed and ignored.
var columnByElement = map[string]string{
	"NotificationCode":   "notification_code",
	"ProductName":        "name",
	"ProductReference":   "reference",
	"Manufacturer":       "manufacturer",
	"Distributor":        "distributor",
	"ClassificationCode": "classification",
	"PublicationDate":    "valid_from",
	"DeletedOn":          "deleted_on",
	"RecalledOn":         "recalled_on",
	"UDIDI":              "udi_di",
	"Category":           "category",

	"IndicativePrice":         "",
	"ListDivision":            "",
	"ReimbursementCategory":   "",
	"NomenclatureHosp":        "",
	"NomenclatureAmb":         "",
	"DescriptionNL":           "",
	"DescriptionFR":           "",
	"ValidFrom":               "",
	"ValidTo":                 "",
	"NotificationZone55":      "",
	"IdentificationZone43":    "",
	"Qermid":                  "",
	"NominativeLists":         "",
	"ReimbursementConditions": "",
	"Forms":                   "",
}

var elementByColumn = func() map[string]string {
	names := make(map[string]string, len(columnByElement))
	for name, column := range columnByElement {
		if column != "" {
			names[column] = name
		}
	}
	return names
}()

func newRecordLimits() xmldoc.Limits {
	l := xmldoc.DefaultLimits()
	l.Bytes, l.Depth, l.Nodes, l.Instructions = 2*xmlrecords.MaxRecordBytes, 20, 10_000, 10
	return l
}

// readDeviceList passes the header of the XML form to handleHeader, then the devices to handle, chunk by chunk.
func readDeviceList(
	in *bufio.Reader, errs *fileErrors, handleHeader func(listHeader) error, handle func(*chunk) error,
) error {
	s, err := xmlrecords.NewSplitter(in)
	if err != nil {
		return err
	}
	first, err := nextRecord(s)
	if errors.Is(err, io.EOF) {
		return errors.New("the list has no Header")
	}
	if err != nil {
		return err
	}
	header, err := first.parseHeader()
	if err != nil {
		return err
	}
	if err = handleHeader(header); err != nil {
		return err
	}
	return readDevices(s, errs, handle)
}

// readDevices passes the remaining records to handle, chunk by chunk.
func readDevices(s *xmlrecords.Splitter, errs *fileErrors, handle func(*chunk) error) error {
	c := &chunk{fromXML: true}
	for entry, err := range remainingRecords(s) {
		if err == nil {
			err = entry.appendDevice(errs, c)
		}
		if err != nil {
			return err
		}
		if len(c.lineNumbers) == chunkSize {
			if err = handle(c); err != nil {
				return err
			}
			c = &chunk{fromXML: true}
		}
	}
	if len(c.lineNumbers) == 0 {
		return nil
	}
	return handle(c)
}

// listRecord is a child of the list's root.
type listRecord struct {
	xmldoc.Element
	childOffset, lineNumber int
}

// remainingRecords yields the records up to the end of the root or the first error.
func remainingRecords(s *xmlrecords.Splitter) iter.Seq2[listRecord, error] {
	return func(yield func(listRecord, error) bool) {
		for {
			r, err := nextRecord(s)
			if errors.Is(err, io.EOF) || !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// nextRecord returns io.EOF after the last record.
func nextRecord(s *xmlrecords.Splitter) (listRecord, error) {
	document, begins, line, err := s.NextChild()
	if err != nil {
		return listRecord{}, err
	}
	parsed, err := xmldoc.Parse(document, newRecordLimits())
	if err != nil {
		return listRecord{}, fmt.Errorf("line %d: the entry that begins here is refused: %s", line, problem.From(err).Code)
	}
	r := listRecord{parsed.Root().FirstChild(), begins, line}
	if r.Space() != listNamespace || parsed.Root().Space() != listNamespace {
		return listRecord{}, fmt.Errorf("line %d: the list is not of the namespace %s", line, listNamespace)
	}
	return r, nil
}

// lineOfElement returns the line of an element in the file.
func (r listRecord) lineOfElement(e xmldoc.Element) int {
	start, _ := e.Offset()
	return r.lineNumber + strings.Count(e.Document().Source()[r.childOffset:start], "\n")
}

// readFields returns the texts of the children by column. Repeated device identifiers are joined with spaces.
func (r listRecord) readFields(columns map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for e := range r.Children() {
		column, published := columns[e.Local()]
		if !published || e.Space() != listNamespace {
			return nil, fmt.Errorf("line %d: the element %q is not known here", r.lineOfElement(e), e.Local())
		}
		if column == "" {
			continue
		}
		text, plain := e.Text()
		before, duplicate := values[column]
		switch {
		case !plain:
			return nil, fmt.Errorf("line %d: the element %q holds elements", r.lineOfElement(e), e.Local())
		case duplicate && column != "udi_di":
			return nil, fmt.Errorf("line %d: the element %q stands there twice", r.lineOfElement(e), e.Local())
		case duplicate:
			text = before + " " + text
		}
		values[column] = text
	}
	return values, nil
}

func (r listRecord) parseHeader() (listHeader, error) {
	var h listHeader
	if r.Local() != "Header" {
		return h, fmt.Errorf("line %d: the list begins with %q, not with its Header", r.lineNumber, r.Local())
	}
	values, err := r.readFields(map[string]string{
		"SequenceNumber":    "SequenceNumber",
		"ModificationsFrom": "ModificationsFrom",
		"ModificationsTo":   "ModificationsTo",
	})
	if err != nil {
		return h, err
	}
	if h.sequence, err = strconv.ParseInt(strings.TrimSpace(values["SequenceNumber"]), 10, 64); err != nil ||
		h.sequence < 1 {
		return h, fmt.Errorf("line %d: the SequenceNumber is no number from 1 on", r.lineNumber)
	}
	for name, into := range map[string]*ident.Date{
		"ModificationsFrom": &h.modifiedFrom,
		"ModificationsTo":   &h.modifiedTo,
	} {
		text := strings.TrimSpace(values[name])
		if text == "" {
			continue
		}
		if *into, err = ident.ParseDate(text); err != nil {
			return h, fmt.Errorf("line %d: %s: %s", r.lineNumber, name, problem.From(err).Detail.String())
		}
	}
	if h.isDelta() && (h.modifiedTo.IsZero() || h.modifiedTo.Before(h.modifiedFrom)) {
		return h, fmt.Errorf("line %d: ModificationsTo is missing, or before ModificationsFrom", r.lineNumber)
	}
	return h, nil
}

// appendDevice appends an entry of the list to a chunk.
func (r listRecord) appendDevice(errs *fileErrors, c *chunk) error {
	if r.Local() != "Data" {
		return fmt.Errorf("line %d: the element %q is not known here", r.lineNumber, r.Local())
	}
	values, err := r.readFields(columnByElement)
	if err != nil {
		return err
	}
	values["status"] = string(implants.DeviceActive)
	switch {
	case strings.TrimSpace(values["recalled_on"]) != "":
		values["status"] = string(implants.DeviceRecalled)
	case strings.TrimSpace(values["deleted_on"]) != "":
		values["status"] = string(implants.DeviceDeleted)
	}
	l := &sourceRow{
		rawValue:     func(column string) string { return values[column] },
		lineNumber:   r.lineNumber,
		columnNoun:   "element",
		displayNames: elementByColumn,
		fileErrors:   errs,
	}
	addDevice(l, &c.entries)
	c.lineNumbers = append(c.lineNumbers, r.lineNumber)
	return nil
}
