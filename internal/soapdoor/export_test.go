package soapdoor

// KeptDescriptions returns how many documents of contracts are kept.
func (s *Service) KeptDescriptions() int { return len(s.descriptions.documents) }
