package admin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// xmlSplitter splits a long XML document into the children of its root. It returns each child as a small document: the
// XML declaration, the root's start tag, one child, the root's end tag. A list of any length thus needs the memory of
// one entry, and every byte used still passes through the project's only XML parser (xmldoc), with the namespaces in
// scope.
//
// The splitter itself finds only where markup ends (XML 1.0, sections 2.4 to 2.7 and 3.1). The parser finds every other
// error in an entry.
type splitter struct {
	in     *bufio.Reader
	line   int    // line of the next byte
	before []byte // the XML declaration and the root's start tag
	name   []byte // the root's qualified name
	end    bool   // the root has ended
	buffer []byte // the prologue and the child being read
}

// maxRecordBytes bounds a child of the root together with the prologue.
const maxRecord = 1 << 20

// markupKind classifies a piece of markup.
type markup int

const (
	startTag markup = iota
	emptyTag
	endTag
	aside // a comment, a processing instruction or a CDATA section
)

func newSplitter(in *bufio.Reader) (*splitter, error) {
	s := &splitter{in: in, line: 1}
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		_, _ = in.Discard(3) // they are in the buffer
	}
	for {
		if err := s.space(); err != nil {
			return nil, err
		}
		s.buffer = s.buffer[:0]
		what, err := s.markup()
		switch {
		case err != nil:
			return nil, err
		case what == endTag:
			return nil, s.fault("an end tag stands before the root")
		case what == aside && bytes.HasPrefix(s.buffer, []byte("<?xml ")):
			s.before = bytes.Clone(s.buffer)
			continue
		case what == aside:
			continue
		}
		s.name = tagName(s.buffer[1:])
		if s.end = what == emptyTag; s.end {
			err = s.rest()
			return s, err
		}
		s.before = append(s.before, s.buffer...)
		s.name = bytes.Clone(s.name)
		return s, nil
	}
}

// nextChild returns the next child as a document, the child's offset in it, and the child's line in the file. It
// returns io.EOF after the last child. The document is valid until the next call.
func (s *splitter) next() (document []byte, start, line int, err error) {
	if s.end {
		return nil, 0, 0, io.EOF
	}
	for {
		if err = s.space(); err != nil {
			return nil, 0, 0, err
		}
		line = s.line
		s.buffer = append(s.buffer[:0], s.before...)
		what, err := s.markup()
		if err != nil {
			return nil, 0, 0, err
		}
		switch what {
		case aside:
			if bytes.HasPrefix(s.buffer[len(s.before):], []byte("<![")) {
				return nil, 0, 0, s.fault("there is text between the entries")
			}
			continue
		case endTag:
			if !bytes.Equal(tagName(s.buffer[len(s.before)+2:]), s.name) {
				return nil, 0, 0, s.fault("the end tag is not the root's")
			}
			s.end = true
			if err = s.rest(); err == nil {
				err = io.EOF
			}
			return nil, 0, 0, err
		case startTag:
			if err = s.content(); err != nil {
				return nil, 0, 0, err
			}
		case emptyTag:
		}
		s.buffer = append(append(append(s.buffer, "</"...), s.name...), '>')
		return s.buffer, len(s.before), line, nil
	}
}

// readContent reads through the end tag of the current element.
func (s *splitter) content() error {
	for depth := 1; depth > 0; {
		c, err := s.peek()
		if err != nil {
			return err
		}
		if c != '<' {
			if err = s.text(); err != nil {
				return err
			}
			continue
		}
		what, err := s.markup()
		if err != nil {
			return err
		}
		switch what {
		case startTag:
			depth++
		case endTag:
			depth--
		case emptyTag, aside:
		}
	}
	return nil
}

// readText reads the buffered text up to the next markup.
func (s *splitter) text() error {
	buffered, _ := s.in.Peek(s.in.Buffered()) // it is in the buffer
	if end := bytes.IndexByte(buffered, '<'); end >= 0 {
		buffered = buffered[:end]
	}
	if len(s.buffer)+len(buffered) > maxRecord {
		return s.tooLong()
	}
	s.line += bytes.Count(buffered, []byte("\n"))
	s.buffer = append(s.buffer, buffered...)
	_, _ = s.in.Discard(len(buffered))
	return nil
}

func (s *splitter) tooLong() error {
	return s.fault(fmt.Sprintf("an entry is longer than %d bytes", maxRecord))
}

// expectEnd rejects anything but comments, processing instructions and space after the root.
func (s *splitter) rest() error {
	for {
		err := s.space()
		if errors.Is(err, errEnds) {
			return nil
		}
		if err != nil {
			return err
		}
		s.buffer = s.buffer[:0]
		what, err := s.markup()
		if err != nil {
			return err
		}
		if what != aside {
			return s.fault("there is a second root")
		}
	}
}

// skipSpace skips space up to the next markup.
func (s *splitter) space() error {
	for {
		c, err := s.peek()
		if err != nil || c == '<' {
			return err
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return s.fault("there is text between the entries")
		}
		s.buffer = s.buffer[:0]
		if _, err = s.take(); err != nil {
			return err
		}
	}
}

// readMarkup appends one complete piece of markup to the buffer.
func (s *splitter) markup() (markup, error) {
	start := len(s.buffer)
	until := func(ending string) error {
		for !bytes.HasSuffix(s.buffer[start+2:], []byte(ending)) {
			if _, err := s.take(); err != nil {
				return err
			}
		}
		return nil
	}
	for range 2 {
		if _, err := s.take(); err != nil {
			return aside, err
		}
	}
	switch s.buffer[start+1] {
	case '?':
		return aside, until("?>")
	case '/':
		if s.plain() {
			return endTag, nil
		}
		return endTag, until(">")
	case '!':
		if mark, _ := s.in.Peek(2); string(mark) == "--" {
			_, _ = s.take() // both are in the buffer
			_, _ = s.take()
			start += len("--")
			return aside, until("-->")
		}
		if mark, _ := s.in.Peek(len("[CDATA[")); string(mark) == "[CDATA[" {
			return aside, until("]]>")
		}
		return aside, s.fault("a document type is not read")
	}
	return s.tag()
}

// readStartTag reads a start tag to its end, skipping ">" inside attribute values.
func (s *splitter) tag() (markup, error) {
	if s.plain() {
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
		if last, err = s.take(); err != nil {
			return startTag, err
		}
	}
}

// tryReadPlainTag reads the rest of a tag in one step if it is buffered without quotes or line breaks, as nearly all
// tags are.
func (s *splitter) plain() bool {
	if s.buffer[len(s.buffer)-1] == '>' {
		return false
	}
	buffered, _ := s.in.Peek(min(s.in.Buffered(), longestPlain)) // it is in the buffer
	end := bytes.IndexByte(buffered, '>') + 1
	if end == 0 || bytes.ContainsAny(buffered[:end], "\"'\n") {
		return false
	}
	s.buffer = append(s.buffer, buffered[:end]...)
	_, _ = s.in.Discard(end)
	return true
}

// maxPlainTag bounds what tryReadPlainTag appends, which does not check the length of the entry.
const longestPlain = 128

var errEnds = errors.New("the document ends too early")

func (s *splitter) peek() (byte, error) {
	c, err := s.in.Peek(1)
	if errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("line %d: %w", s.line, errEnds)
	}
	if err != nil {
		return 0, fmt.Errorf("not readable: %w", err)
	}
	return c[0], nil
}

func (s *splitter) take() (byte, error) {
	c, err := s.peek()
	if err != nil {
		return 0, err
	}
	_, _ = s.in.Discard(1) // it is in the buffer
	if c == '\n' {
		s.line++
	}
	if len(s.buffer) >= maxRecord {
		return 0, s.tooLong()
	}
	s.buffer = append(s.buffer, c)
	return c, nil
}

func (s *splitter) fault(what string) error { return fmt.Errorf("line %d: %s", s.line, what) }

// tagName returns the name at the beginning of a tag.
func tagName(tag []byte) []byte {
	if end := bytes.IndexAny(tag, " \t\r\n/>"); end >= 0 {
		return tag[:end]
	}
	return tag
}
