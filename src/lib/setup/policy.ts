/** What builds, releases and clean-up do with the bucket: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html */
const BUCKET_ACTIONS = ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads']
const OBJECT_ACTIONS = ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:GetObject', 's3:ListMultipartUploadParts', 's3:PutObject']

/** The IAM policy that an access key needs for one bucket and nothing else, as indented JSON. */
export function iamPolicy(bucket: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {Effect: 'Allow', Action: BUCKET_ACTIONS, Resource: `arn:aws:s3:::${bucket}`},
      {Effect: 'Allow', Action: OBJECT_ACTIONS, Resource: `arn:aws:s3:::${bucket}/*`},
    ],
  }, null, 2)
}
