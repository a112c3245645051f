"""What `lightship init` does: looks at what it can reach, and drafts the first files of an own service.

`surveying` looks, the drafts are pure text, and `placing` is the only module that writes a file.
"""
