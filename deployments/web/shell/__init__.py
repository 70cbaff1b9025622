"""Shared by all pages: navigation, access guards, drafts, notices, paging, polling."""
