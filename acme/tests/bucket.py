"""`python acme/tests/bucket.py BUCKET`: a server of the S3 protocol on loopback that checks signatures, with an empty bucket.

Prints the variables that open it as one JSON line, and serves until its standard input ends. For tests, also of other
projects, which call it in this project's environment.
"""

import json
import logging
import sys

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


def main(bucket: str) -> None:
    logging.disable()  # a line for each request, and a traceback for each that is not signed
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    anybody = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything"}
    s3, iam = (boto3.client(name, endpoint_url=endpoint, region_name=REGION, **anybody) for name in ("s3", "iam"))
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    iam.create_user(UserName="acme")
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="acme", PolicyName="drops", PolicyDocument=document)
    key = iam.create_access_key(UserName="acme")["AccessKey"]
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0  # from now on nobody comes in without a key
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    print(json.dumps(variables), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(sys.argv[1])
