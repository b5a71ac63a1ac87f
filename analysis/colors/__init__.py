"""Colour: conversion, difference, names, and the palettes of images."""
