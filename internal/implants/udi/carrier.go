package udi

import "strings"

// Carrier returns what a DataMatrix of the identifier contains, with FNC1 as the character GS; it begins with one
// exactly if the symbol is a GS1 DataMatrix. It returns the empty string for an identifier of which Parse does not
// understand everything, because such a symbol must not look as reliable as that of a label.
func Carrier(s string) string {
	u, err := Parse(s)
	if err != nil {
		return ""
	}
	s = replaceSeparators(s)
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), symbologyIdentifier.FindString(strings.TrimSpace(s))))
	switch {
	case u.Issuer != GS1 || isWebAddress(s):
		return s
	case !beginsWithBrackets(s):
		return separator + strings.Trim(s, separator)
	}
	var b strings.Builder
	needsSeparator := true
	identifiers := bracketedIdentifier.FindAllStringSubmatchIndex(s, -1)
	for i, at := range identifiers {
		end := len(s)
		if i+1 < len(identifiers) {
			end = identifiers[i+1][0]
		}
		if needsSeparator {
			b.WriteString(separator)
		}
		identifier := s[at[2]:at[3]]
		b.WriteString(identifier + strings.TrimSpace(s[at[1]:end]))
		needsSeparator = predefinedLength(identifier) == 0
	}
	return b.String()
}
