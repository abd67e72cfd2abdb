using System.Security.Cryptography;

namespace ShopMesh.Identity.Keys;

/// <summary>
/// What is derived (HKDF, RFC 5869) from the one secret of the environment, <c>Identity:Key</c>: a key that encrypts the signing keys
/// at rest, and one that encrypts refresh tokens.
/// </summary>
internal sealed class KeyProtection
{
    private const int NonceLength = 12;
    private const int TagLength = 16;

    private readonly byte[] _atRest;

    /// <exception cref="InvalidOperationException">The secret is missing, or not 32 bytes in base64.</exception>
    public KeyProtection(IConfiguration configuration)
    {
        var secret = new byte[32];
        if (!Convert.TryFromBase64String(configuration["Identity:Key"] ?? "", secret, out var length) || length != secret.Length)
            throw new InvalidOperationException("Identity:Key must be 32 bytes in base64.");
        _atRest = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "signing keys at rest"u8.ToArray());
        RefreshTokenKey = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: "refresh tokens"u8.ToArray());
    }

    public byte[] RefreshTokenKey { get; }

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
