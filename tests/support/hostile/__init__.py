"""A museum that does everything a site should not: broken, lying, endless and malicious answers.

`server` sends raw bytes at its own pace, `answers` words them, `pictures` makes the images, and
`museum` is the registry: each hostility with what a crawl has to make of it.
"""
