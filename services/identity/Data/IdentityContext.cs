using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Identity.Data;

internal sealed class Account : IdentityUser<Guid>
{
    public required string Name { get; set; }
}

/// <summary>A key that signs tokens, or did, or will.</summary>
internal sealed class SigningKey
{
    /// <summary>The <c>kid</c> of its tokens.</summary>
    public required string Id { get; init; }

    /// <summary>PKCS #8, encrypted.</summary>
    public required byte[] EncryptedKey { get; init; }

    /// <summary>Until then it is only published.</summary>
    public required DateTimeOffset SignsFrom { get; init; }
}

internal sealed class IdentityContext(DbContextOptions<IdentityContext> options) : IdentityDbContext<Account, IdentityRole<Guid>, Guid>(options)
{
    public DbSet<SigningKey> SigningKeys => Set<SigningKey>();

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.UseOpenIddict<Guid>();
        builder.Entity<Account>().Property(account => account.Name).HasMaxLength(100);
    }
}
