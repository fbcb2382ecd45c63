package wire

// Limits of what a message may hold. They are checked before allocation, on
// both sides; a message beyond them closes its link.
const (
	MaxText        = 255      // bytes of a name, domain, sub-domain or address
	MaxProperties  = 256      // properties of a member
	MaxPropertySum = 16 << 10 // bytes of all keys and values together
	MaxBody        = 32 << 10 // bytes of a record
	MaxAccusation  = 1 << 10  // bytes of an accusation; today's have at most 368
	MaxDomains     = 256      // domains that a node may name
	MaxRecords     = 512      // records in one message
	MaxAccusations = 512      // accusations in one message
	MaxVerdicts    = 64       // verdicts in one message
	MaxAccusers    = 64       // accusations in one verdict
	MaxDepartures  = 512      // departures in one message
	MaxAddresses   = 16       // addresses that a refusal may name
	MaxReason      = 1 << 10  // bytes of a refusal's text
	MaxFields      = 64       // fields of a message or a body, unknown ones included
	MaxWords       = 64       // watchers or accusations in an explanation
	MaxTransitions = 16       // transitions in an explanation
	MaxParts       = 16       // parts of an entry of a list, unknown ones included
)
