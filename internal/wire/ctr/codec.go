package ctr

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// The namespaces of the contract. namespaceByPrefix has the prefixes that responses use.
const (
	NamespaceProtocol = "urn:be:fgov:ehealth:ctr:protocol:v1"
	NamespaceCore     = "urn:be:fgov:ehealth:ctr:core:v1"
	namespaceCommons  = "urn:be:fgov:ehealth:commons:core:v2"
	namespaceXML      = "http://www.w3.org/XML/1998/namespace"
)

var namespaceByPrefix = map[string]string{
	"ctrp": NamespaceProtocol,
	"ctr":  NamespaceCore,
	"cc":   namespaceCommons,
	"xml":  namespaceXML,
}

// fieldCodec converts one field of a message struct. The field's tag gives the XML node of its value:
//
//	x:"ctr:Patient"    a child element; empty strings, zero numbers and times, nil pointers and empty slices are left out
//	x:"ctr:Total,zero" a child element that is written even if it is zero
//	x:"@Offset"        an attribute; ",zero" as above
//	x:"."              the element's own character content
//
// Strings, numbers, booleans, times and byte slices (base64) map to simple content; structs, pointers to structs and
// slices of either map to child elements with content of their own.
type fieldCodec struct {
	index       []int
	prefix      string
	namespace   string
	local       string
	isAttribute bool
	isContent   bool
	writesZero  bool
	nested      *structCodec // of the struct type of the field, its pointer or its slice; nil for simple content
}

type structCodec struct {
	fields []fieldCodec
}

// newStructCodec reads the tags of a message struct. It does not check them: the messages are few and fixed, and every
// test would fail on a wrong tag.
func newStructCodec(t reflect.Type) *structCodec {
	p := &structCodec{}
	for _, member := range reflect.VisibleFields(t) {
		tag, ok := member.Tag.Lookup("x")
		if !ok {
			continue
		}
		f := fieldCodec{index: member.Index}
		tag, f.writesZero = strings.CutSuffix(tag, ",zero")
		tag, f.isAttribute = strings.CutPrefix(tag, "@")
		f.isContent = tag == "."
		f.prefix, f.local, ok = strings.Cut(tag, ":")
		if !ok {
			f.prefix, f.local = "", tag
		}
		f.namespace = namespaceByPrefix[f.prefix]
		held := member.Type
		for held.Kind() == reflect.Pointer || held.Kind() == reflect.Slice && held.Elem().Kind() != reflect.Uint8 {
			held = held.Elem()
		}
		if held.Kind() == reflect.Struct && held != reflect.TypeFor[time.Time]() {
			f.nested = newStructCodec(held)
		}
		p.fields = append(p.fields, f)
	}
	return p
}

// decodeFields fills a message struct from an element. It ignores elements and attributes that the struct does not
// declare: requests have been validated against the schema before, and a response may come from a newer service.
func (p *structCodec) decodeFields(e xmldoc.Element, v reflect.Value) error {
	for i := range p.fields {
		f := &p.fields[i]
		if err := f.decodeField(e, v.FieldByIndex(f.index)); err != nil {
			return err
		}
	}
	return nil
}

// decodeField sets the field from the element that has its value. Of several children for a single value, the first
// counts.
func (f *fieldCodec) decodeField(e xmldoc.Element, target reflect.Value) error {
	switch {
	case f.isContent:
		return decodeText(e, target)
	case f.isAttribute:
		return f.decodeAttribute(e, target)
	case target.Kind() == reflect.Slice && !isByteSlice(target):
		return f.decodeItems(e, target)
	}
	if child := e.Child(f.namespace, f.local); !child.IsZero() {
		return f.decodeChild(child, target)
	}
	return nil
}

func (f *fieldCodec) decodeAttribute(e xmldoc.Element, target reflect.Value) error {
	s, ok := e.Attr(f.namespace, f.local)
	if !ok {
		return nil
	}
	if err := setSimpleValue(target, s); err != nil {
		return fmt.Errorf("attribute %s: %w", f.local, err)
	}
	return nil
}

// decodeItems appends an item to the slice for each child of the field's name.
func (f *fieldCodec) decodeItems(e xmldoc.Element, slice reflect.Value) error {
	for child := range e.Children() {
		if !child.Is(f.namespace, f.local) {
			continue
		}
		item := reflect.New(slice.Type().Elem()).Elem()
		if err := f.decodeChild(child, item); err != nil {
			return err
		}
		slice.Set(reflect.Append(slice, item))
	}
	return nil
}

func (f *fieldCodec) decodeChild(child xmldoc.Element, target reflect.Value) error {
	switch {
	case target.Kind() == reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return f.nested.decodeFields(child, target.Elem())
	case f.nested != nil:
		return f.nested.decodeFields(child, target)
	}
	return decodeText(child, target)
}

func isByteSlice(v reflect.Value) bool { return v.Type().Elem().Kind() == reflect.Uint8 }

func decodeText(e xmldoc.Element, target reflect.Value) error {
	s, ok := e.Text()
	if !ok {
		return fmt.Errorf("element %s has children where a value is expected", e.Local())
	}
	if err := setSimpleValue(target, s); err != nil {
		return fmt.Errorf("element %s: %w", e.Local(), err)
	}
	return nil
}

// setSimpleValue parses a simple value in the lexical form of XML Schema part 2. Only strings keep their white space.
func setSimpleValue(target reflect.Value, s string) error {
	if target.Kind() == reflect.String {
		target.SetString(s)
		return nil
	}
	s = strings.Trim(s, " \t\r\n")
	switch target.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("not a number: %w", err)
		}
		target.SetInt(int64(n))
	case reflect.Bool:
		target.SetBool(s == "true" || s == "1")
	case reflect.Slice:
		decoded, err := base64.StdEncoding.DecodeString(strings.Map(dropSpace, s))
		if err != nil {
			return fmt.Errorf("not base64: %w", err)
		}
		target.SetBytes(decoded)
	default:
		instant, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return fmt.Errorf("not an instant: %w", err)
		}
		target.Set(reflect.ValueOf(instant))
	}
	return nil
}

func dropSpace(r rune) rune {
	if strings.ContainsRune(" \t\r\n", r) {
		return -1
	}
	return r
}

// appendFields appends the attributes and children of a message struct. out ends in "<name" of its start tag.
func (p *structCodec) appendFields(out []byte, v reflect.Value) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		value := v.FieldByIndex(f.index)
		if !f.isAttribute || value.IsZero() && !f.writesZero {
			continue
		}
		out = append(out, ' ')
		out = f.appendName(out)
		out = append(out, '=', '"')
		out = appendSimpleValue(out, value)
		out = append(out, '"')
	}
	out = append(out, '>')
	for i := range p.fields {
		f := &p.fields[i]
		value := v.FieldByIndex(f.index)
		switch {
		case f.isAttribute:
		case f.isContent:
			out = appendSimpleValue(out, value)
		case value.Kind() == reflect.Slice && !isByteSlice(value):
			for j := range value.Len() {
				out = f.appendElement(out, value.Index(j))
			}
		case f.writesZero || !value.IsZero():
			out = f.appendElement(out, value)
		}
	}
	return out
}

func (f *fieldCodec) appendElement(out []byte, value reflect.Value) []byte {
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	out = append(out, '<')
	out = f.appendName(out)
	if f.nested != nil {
		out = f.nested.appendFields(out, value)
	} else {
		out = append(out, '>')
		out = appendSimpleValue(out, value)
	}
	out = append(out, '<', '/')
	out = f.appendName(out)
	return append(out, '>')
}

func (f *fieldCodec) appendName(out []byte) []byte {
	if f.prefix != "" {
		out = append(out, f.prefix...)
		out = append(out, ':')
	}
	return append(out, f.local...)
}

func appendSimpleValue(out []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.String:
		return appendEscaped(out, v.String())
	case reflect.Int:
		return strconv.AppendInt(out, v.Int(), 10)
	case reflect.Bool:
		return strconv.AppendBool(out, v.Bool())
	case reflect.Slice:
		return base64.StdEncoding.AppendEncode(out, v.Bytes())
	default:
		instant, _ := v.Interface().(time.Time)
		return instant.UTC().AppendFormat(out, time.RFC3339Nano)
	}
}

var errNotXMLText = errors.New(
	"a value holds a character that XML cannot carry, such as a control character of a scanned code",
)

// isXMLText reports whether text is UTF-8 without the characters that XML 1.0 excludes (section 2.2). Tabs and line
// ends, which XML allows, have already been written as references.
func isXMLText(text []byte) bool {
	for _, c := range text {
		if c < ' ' {
			return false
		}
	}
	return utf8.Valid(text) && !bytes.Contains(text, []byte("\uFFFE")) && !bytes.Contains(text, []byte("\uFFFF"))
}

// appendEscaped appends text escaped for both elements and attributes, so that a parser returns it unchanged.
func appendEscaped(out []byte, s string) []byte {
	start := 0
	for i := range len(s) {
		var reference string
		switch s[i] {
		case '&':
			reference = "&amp;"
		case '<':
			reference = "&lt;"
		case '>':
			reference = "&gt;"
		case '"':
			reference = "&quot;"
		case '\t':
			reference = "&#x9;"
		case '\n':
			reference = "&#xA;"
		case '\r':
			reference = "&#xD;"
		default:
			continue
		}
		out = append(out, s[start:i]...)
		out = append(out, reference...)
		start = i + 1
	}
	return append(out, s[start:]...)
}
