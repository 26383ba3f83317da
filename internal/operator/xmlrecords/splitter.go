// Package xmlrecords splits an operator's long XML file into small documents, one for each record, so that a list of
// any length needs the memory of one record. Begin with [NewSplitter].
//
// It is separate because it is the only reader of XML besides xmldoc. It finds where markup ends and nothing else,
// reads only files that an operator names, and leaves every record to xmldoc.
package xmlrecords

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Splitter splits a long XML document into the children of its root. It returns each child as a small document: the
// XML declaration, the root's start tag, one child, the root's end tag. A list of any length thus needs the memory of
// one entry, and every byte used still passes through the project's only XML parser (xmldoc), with the namespaces in
// scope.
//
// The splitter itself finds only where markup ends (XML 1.0, sections 2.4 to 2.7 and 3.1). The parser finds every other
// error in an entry.
type Splitter struct {
	in         *bufio.Reader
	lineNumber int    // line of the next byte
	prologue   []byte // the XML declaration and the root's start tag
	rootName   []byte // the root's qualified name
	rootEnded  bool   // the root has ended
	buffer     []byte // the prologue and the child being read
}

// MaxRecordBytes bounds a child of the root together with the prologue.
const MaxRecordBytes = 1 << 20

// markupKind classifies a piece of markup.
type markupKind int

const (
	startTag markupKind = iota
	emptyTag
	endTag
	otherMarkup // a comment, a processing instruction or a CDATA section
)

// NewSplitter reads the prologue and the start tag of the root, and returns a splitter of what follows.
func NewSplitter(in *bufio.Reader) (*Splitter, error) {
	s := &Splitter{in: in, lineNumber: 1}
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		_, _ = in.Discard(3) // they are in the buffer
	}
	for {
		if err := s.skipSpace(); err != nil {
			return nil, err
		}
		s.buffer = s.buffer[:0]
		what, err := s.readMarkup()
		switch {
		case err != nil:
			return nil, err
		case what == endTag:
			return nil, s.errorAtLine("an end tag stands before the root")
		case what == otherMarkup && bytes.HasPrefix(s.buffer, []byte("<?xml ")):
			s.prologue = bytes.Clone(s.buffer)
			continue
		case what == otherMarkup && isCDATA(s.buffer):
			return nil, s.errorAtLine("there is text before the root")
		case what == otherMarkup:
			continue
		}
		s.rootName = tagName(s.buffer[1:])
		if s.rootEnded = what == emptyTag; s.rootEnded {
			err = s.expectEnd()
			return s, err
		}
		s.prologue = append(s.prologue, s.buffer...)
		s.rootName = bytes.Clone(s.rootName)
		return s, nil
	}
}

// NextChild returns the next child as a document, the child's offset in it, and the child's line in the file. It
// returns io.EOF after the last child. The document is valid until the next call.
func (s *Splitter) NextChild() (document []byte, start, line int, err error) {
	if s.rootEnded {
		return nil, 0, 0, io.EOF
	}
	for {
		if err = s.skipSpace(); err != nil {
			return nil, 0, 0, err
		}
		line = s.lineNumber
		s.buffer = append(s.buffer[:0], s.prologue...)
		what, err := s.readMarkup()
		if err != nil {
			return nil, 0, 0, err
		}
		switch what {
		case otherMarkup:
			if isCDATA(s.buffer[len(s.prologue):]) {
				return nil, 0, 0, s.errorAtLine("there is text between the entries")
			}
			continue
		case endTag:
			if !bytes.Equal(tagName(s.buffer[len(s.prologue)+2:]), s.rootName) {
				return nil, 0, 0, s.errorAtLine("the end tag is not the root's")
			}
			s.rootEnded = true
			if err = s.expectEnd(); err == nil {
				err = io.EOF
			}
			return nil, 0, 0, err
		case startTag:
			if err = s.readContent(); err != nil {
				return nil, 0, 0, err
			}
		case emptyTag:
		}
		s.buffer = append(append(append(s.buffer, "</"...), s.rootName...), '>')
		return s.buffer, len(s.prologue), line, nil
	}
}

// readContent reads through the end tag of the current element.
func (s *Splitter) readContent() error {
	for depth := 1; depth > 0; {
		c, err := s.peekByte()
		if err != nil {
			return err
		}
		if c != '<' {
			if err = s.readText(); err != nil {
				return err
			}
			continue
		}
		what, err := s.readMarkup()
		if err != nil {
			return err
		}
		switch what {
		case startTag:
			depth++
		case endTag:
			depth--
		case emptyTag, otherMarkup:
		}
	}
	return nil
}

// readText reads the buffered text up to the next markup.
func (s *Splitter) readText() error {
	buffered, _ := s.in.Peek(s.in.Buffered()) // it is in the buffer
	if end := bytes.IndexByte(buffered, '<'); end >= 0 {
		buffered = buffered[:end]
	}
	if len(s.buffer)+len(buffered) > MaxRecordBytes {
		return s.tooLongError()
	}
	s.lineNumber += bytes.Count(buffered, []byte("\n"))
	s.buffer = append(s.buffer, buffered...)
	_, _ = s.in.Discard(len(buffered))
	return nil
}

func (s *Splitter) tooLongError() error {
	return s.errorAtLine(fmt.Sprintf("an entry is longer than %d bytes", MaxRecordBytes))
}

// expectEnd rejects anything but comments, processing instructions and space after the root.
func (s *Splitter) expectEnd() error {
	for {
		err := s.skipSpace()
		if errors.Is(err, errUnexpectedEnd) {
			return nil
		}
		if err != nil {
			return err
		}
		s.buffer = s.buffer[:0]
		what, err := s.readMarkup()
		if err != nil {
			return err
		}
		if what != otherMarkup {
			return s.errorAtLine("there is a second root")
		}
		if isCDATA(s.buffer) {
			return s.errorAtLine("there is text after the root")
		}
	}
}

func isCDATA(markup []byte) bool { return bytes.HasPrefix(markup, []byte("<![")) }

// skipSpace skips space up to the next markup.
func (s *Splitter) skipSpace() error {
	for {
		c, err := s.peekByte()
		if err != nil || c == '<' {
			return err
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return s.errorAtLine("there is text between the entries")
		}
		s.buffer = s.buffer[:0]
		if _, err = s.appendByte(); err != nil {
			return err
		}
	}
}

// readMarkup appends one complete piece of markup to the buffer.
func (s *Splitter) readMarkup() (markupKind, error) {
	start := len(s.buffer)
	until := func(ending string) error {
		for !bytes.HasSuffix(s.buffer[start+2:], []byte(ending)) {
			if _, err := s.appendByte(); err != nil {
				return err
			}
		}
		return nil
	}
	for range 2 {
		if _, err := s.appendByte(); err != nil {
			return otherMarkup, err
		}
	}
	switch s.buffer[start+1] {
	case '?':
		return otherMarkup, until("?>")
	case '/':
		if s.tryReadPlainTag() {
			return endTag, nil
		}
		return endTag, until(">")
	case '!':
		if mark, _ := s.in.Peek(2); string(mark) == "--" {
			_, _ = s.appendByte() // both are in the buffer
			_, _ = s.appendByte()
			start += len("--")
			return otherMarkup, until("-->")
		}
		if mark, _ := s.in.Peek(len("[CDATA[")); string(mark) == "[CDATA[" {
			return otherMarkup, until("]]>")
		}
		return otherMarkup, s.errorAtLine("a document type is not read")
	}
	return s.readStartTag()
}

// readStartTag reads a start tag to its end, skipping ">" inside attribute values.
func (s *Splitter) readStartTag() (markupKind, error) {
	if s.tryReadPlainTag() {
		if s.buffer[len(s.buffer)-2] == '/' {
			return emptyTag, nil
		}
		return startTag, nil
	}
	var quote byte
	for last := s.buffer[len(s.buffer)-1]; ; {
		c := last
		switch {
		case quote == 0 && c == '>':
			if s.buffer[len(s.buffer)-2] == '/' {
				return emptyTag, nil
			}
			return startTag, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == c:
			quote = 0
		}
		var err error
		if last, err = s.appendByte(); err != nil {
			return startTag, err
		}
	}
}

// tryReadPlainTag reads the rest of a tag in one step if it is buffered without quotes or line breaks, as nearly all
// tags are.
func (s *Splitter) tryReadPlainTag() bool {
	if s.buffer[len(s.buffer)-1] == '>' {
		return false
	}
	buffered, _ := s.in.Peek(min(s.in.Buffered(), maxPlainTag)) // it is in the buffer
	end := bytes.IndexByte(buffered, '>') + 1
	if end == 0 || bytes.ContainsAny(buffered[:end], "\"'\n") {
		return false
	}
	s.buffer = append(s.buffer, buffered[:end]...)
	_, _ = s.in.Discard(end)
	return true
}

// maxPlainTag bounds what tryReadPlainTag appends, which does not check the length of the entry.
const maxPlainTag = 128

var errUnexpectedEnd = errors.New("the document ends too early")

func (s *Splitter) peekByte() (byte, error) {
	c, err := s.in.Peek(1)
	if errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("line %d: %w", s.lineNumber, errUnexpectedEnd)
	}
	if err != nil {
		return 0, fmt.Errorf("not readable: %w", err)
	}
	return c[0], nil
}

func (s *Splitter) appendByte() (byte, error) {
	c, err := s.peekByte()
	if err != nil {
		return 0, err
	}
	_, _ = s.in.Discard(1) // it is in the buffer
	if c == '\n' {
		s.lineNumber++
	}
	if len(s.buffer) >= MaxRecordBytes {
		return 0, s.tooLongError()
	}
	s.buffer = append(s.buffer, c)
	return c, nil
}

func (s *Splitter) errorAtLine(what string) error {
	return fmt.Errorf("line %d: %s", s.lineNumber, what)
}

// tagName returns the name at the beginning of a tag.
func tagName(tag []byte) []byte {
	if end := bytes.IndexAny(tag, " \t\r\n/>"); end >= 0 {
		return tag[:end]
	}
	return tag
}
