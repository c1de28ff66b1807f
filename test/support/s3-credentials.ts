/** Of the S3 server of tests: what the library reads from the environment. */
export const s3Credentials = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'canary-of-a-secret' };
