"""The energy of a ride in kilojoules: rides, features, the model and its rivals, the back-test, predictions, drift.

What belongs here: plain functions of frames, and the assets that call them. What does not: the registry and the rule of
promotion, which all teams share (`headgate.models`). Inside, everything is in SI units but energy, which is in kJ.
"""
