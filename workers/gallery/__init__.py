"""The gallery of all mails: each written by the real activities, on a database filled from the example registry."""
