using System.Security.Cryptography;

namespace ShopMesh.Identity.Keys;

/// <summary>
/// What is derived (HKDF, RFC 5869) from the one secret of the environment, <c>Identity:Key</c>: a key that encrypts the signing keys
/// at rest, one that encrypts refresh tokens, and one that marks what was made from secrets.
/// </summary>
internal sealed class KeyProtection
{
    private const int NonceLength = 12;
    private const int TagLength = 16;

    private readonly byte[] _atRest;
    private readonly byte[] _marks;

    /// <exception cref="InvalidOperationException">The secret is missing, or not 32 bytes in base64.</exception>
    public KeyProtection(IConfiguration configuration)
    {
        var secret = new byte[32];
        if (!Convert.TryFromBase64String(configuration["Identity:Key"] ?? "", secret, out var length) || length != secret.Length)
            throw new InvalidOperationException("Identity:Key must be 32 bytes in base64.");
        _atRest = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "signing keys at rest"u8.ToArray());
        _marks = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "marks"u8.ToArray());
        RefreshTokenKey = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "refresh tokens"u8.ToArray());
    }

    public byte[] RefreshTokenKey { get; }

    /// <returns>HMAC-SHA256 in hexadecimal: the same for the same text, and of no use to who finds it beside a slow hash of the secret in it.</returns>
    public string Mark(string text) => Convert.ToHexStringLower(HMACSHA256.HashData(_marks, System.Text.Encoding.UTF8.GetBytes(text)));

    /// <returns>Nonce, tag and cipher text (AES-256-GCM), bound to the key's id.</returns>
    public byte[] Protect(string id, byte[] key)
    {
        var result = new byte[NonceLength + TagLength + key.Length];
        RandomNumberGenerator.Fill(result.AsSpan(0, NonceLength));
        using var aes = new AesGcm(_atRest, TagLength);
        aes.Encrypt(result.AsSpan(0, NonceLength), key, result.AsSpan(NonceLength + TagLength), result.AsSpan(NonceLength, TagLength), System.Text.Encoding.UTF8.GetBytes(id));
        return result;
    }

    /// <exception cref="CryptographicException">It was encrypted under another secret, or changed.</exception>
    public byte[] Unprotect(string id, byte[] data)
    {
        var key = new byte[data.Length - NonceLength - TagLength];
        using var aes = new AesGcm(_atRest, TagLength);
        aes.Decrypt(data.AsSpan(0, NonceLength), data.AsSpan(NonceLength + TagLength), data.AsSpan(NonceLength, TagLength), key, System.Text.Encoding.UTF8.GetBytes(id));
        return key;
    }
}
