using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Payment.Data;

internal sealed class PaymentContext(DbContextOptions<PaymentContext> options) : DbContext(options)
{
    public DbSet<PaymentToken> Tokens => Set<PaymentToken>();

    public DbSet<OrderPayment> Payments => Set<OrderPayment>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<PaymentToken>(token =>
        {
            token.ToTable("payment_tokens");
            token.HasKey(t => t.Token);
            token.Property(t => t.Behaviour).HasConversion<string>();
        });

        modelBuilder.Entity<OrderPayment>(payment =>
        {
            payment.ToTable("payments");
            payment.HasKey(p => p.OrderId);
            payment.Property(p => p.OrderId).HasMaxLength(64);
            payment.Property(p => p.Status).HasConversion<string>();
            payment.Property(p => p.Amount).HasPrecision(12, 2);
            payment.HasIndex(p => new { p.UpdatedAt, p.OrderId });
        });
    }
}
