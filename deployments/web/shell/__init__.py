"""What all pages share: frame, guards, drafts, notices, paging, polling."""
